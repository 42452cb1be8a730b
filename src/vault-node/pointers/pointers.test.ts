// Proves when a pointer is made, changed and dropped: after a refusal for who holds the chunk, anew when that one has it no more,
// gone when the chunk is here, with nobody, or none of this node's business. Network, clock and holders in memory.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createMemoryNetwork } from "../../network/in-memory/memory-network.ts";
import { createNodeViews } from "../../network/membership/node-views.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, type VaultName, vaultName } from "../../protocol/keys.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createMemoryPointerFile } from "./pointer-file.ts";
import { pointerLimits } from "./pointer-looks.ts";
import { createPointers, openPointerBooks, type Pointers } from "./pointers.ts";

const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const capacity = 2 ** 20;
const policy = { min: 4, target: 5, max: 8 };
const chunk = chunkAddress(Uint8Array.of(1));

type World = {
  readonly clock: VirtualClock;
  readonly pointers: Pointers;
  readonly vault: VaultName;
  /** The other nodes by their distance from `chunk`, the close ones first. */
  readonly others: readonly PeerId[];
  readonly holders: Set<PeerId>;
  readonly held: Set<Address>;
  kill(peer: PeerId): void;
};

async function startWorld(): Promise<World> {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ clock, random: seededRandom(1) });
  const genesis = createGenesis({ name: "pointers", copies: policy, placeUnit: capacity / 32, createdAt: 0 }, signingKeyFromSeed(seed(1)));
  const views = createNodeViews(genesis, clock.wallMs);
  const holders = new Set<PeerId>();
  const held = new Set<Address>();
  const all = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const peers = network.createPeers(seed(100 + n));
      peers.handle("has-chunks", async (_from, message) => {
        const asked = decodeMessage(hasChunksRequest, message.body);
        const found = asked.ok && holders.has(peers.self) ? asked.value.chunks : [];
        const body = encodeMessage(hasChunksReply, { held: found.map((one) => ({ chunk: one, vault: one, size: 9 })), receipts: [] });
        return { body, chunks: [] };
      });
      await peers.start();
      const vaultKey = signingKeyFromSeed(seed(50 + n));
      const record = createNodeRecord(genesis.networkId, signingKeyFromSeed(seed(100 + n)), {
        addresses: peers.addresses(),
        domain: { region: "", zone: "", host: `host-${n}` },
        software: "",
        startCounter: 1,
        sequence: 1,
        signedAtMs: 0,
        vaults: [{ key: vaultKey, capacity, used: 0, chunks: 0, state: "active", wallet: null }],
      });
      views.putRecord(record, "live");
      return { peers, vault: vaultName(vaultKey.publicKey) };
    }),
  );
  const order = views.directory.closest(chunk, 10, "all").holders.map(({ peer }) => peer);
  const own = all.find(({ peers }) => peers.self === order[0]) ?? assert.fail();
  for (const { peers } of all) own.peers.learn(peers.self, peers.addresses());
  const books = await openPointerBooks([{ vault: own.vault, capacity, file: createMemoryPointerFile() }], silentLog);
  const pointers = createPointers({
    ...{ books, clock, policy, log: silentLog, peers: own.peers, directory: views.directory },
    holds: (address) => held.has(address),
  });
  pointers.start();
  const kill = (peer: PeerId): void => views.setState(peer, "gone");
  return { clock, pointers, vault: own.vault, others: order.slice(1), holders, held, kill };
}

const round = pointerLimits.roundMs + 2 * pointerLimits.tickMs;

test("a refusal is looked into until somebody has the chunk; the pointer names one that nobody asks anyway", async () => {
  const { clock, pointers, vault, others, holders } = await startWorld();
  pointers.refused(vault, chunk);
  await clock.advance(5_000);
  assert.equal(pointers.takerOf(chunk), undefined, "a put is still under way");
  for (const peer of [...others.slice(0, 4), others[6] ?? assert.fail()]) holders.add(peer);
  await clock.advance(5_000);
  assert.equal(pointers.takerOf(chunk), others[6]);
  assert.deepEqual([pointers.vaultOf(chunk), pointers.bytesOf(vault), pointers.count()], [vault, 40, 1]);
  await pointers.stop();
});

test("what nobody takes is forgotten after some looks", async () => {
  const { clock, pointers, vault, others, holders } = await startWorld();
  pointers.refused(vault, chunk);
  await clock.advance(60_000);
  holders.add(others[6] ?? assert.fail());
  await clock.advance(60_000);
  assert.equal(pointers.count(), 0);
  await pointers.stop();
});

test("a pointer follows the chunk, names only who is there, and goes when nobody has it", async () => {
  const { clock, pointers, vault, others, holders, kill } = await startWorld();
  const [taker, next] = [others[6], others[7]];
  assert.ok(taker !== undefined && next !== undefined);
  holders.add(taker);
  pointers.refused(vault, chunk);
  await clock.advance(5_000);
  assert.equal(pointers.takerOf(chunk), taker);
  kill(taker);
  assert.equal(pointers.takerOf(chunk), undefined);
  holders.delete(taker);
  holders.add(next);
  await clock.advance(round);
  assert.equal(pointers.takerOf(chunk), next);
  holders.clear();
  await clock.advance(round);
  assert.equal(pointers.count(), 0);
  await pointers.stop();
});

test("a pointer goes when the chunk arrives, and there is none for what is not this node's own", async () => {
  const { clock, pointers, vault, others, holders, held } = await startWorld();
  for (const peer of others) holders.add(peer);
  pointers.refused(vault, chunk);
  await clock.advance(5_000);
  assert.equal(pointers.count(), 1);
  pointers.arrived([chunk]);
  assert.equal(pointers.count(), 0);
  held.add(chunk);
  pointers.refused(vault, chunk);
  const many = Array.from({ length: 40 }, (_, n) => chunkAddress(Uint8Array.of(n, n)));
  for (const address of many) pointers.refused(vault, address);
  await clock.advance(5_000);
  assert.ok(pointers.count() > 0 && pointers.count() < many.length, `${pointers.count()} of ${many.length} are its own: half`);
  assert.equal(pointers.vaultOf(chunk), undefined);
  await pointers.stop();
});
