// Proves in a farm whose nodes challenge each other for no other reason that a reader's hint has a node that serves wrong bytes
// found at once, by proof; and that a customer who tells lies about an honest node, and one without a grant, harm nobody.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { type Address, chunkAddress } from "../../src/protocol/address.ts";
import { encodeMessage } from "../../src/protocol/encoding.ts";
import { createGrant } from "../../src/protocol/grant.ts";
import { wrongBytesRequest } from "../../src/protocol/messages/wrong-bytes.ts";
import type { PeerId } from "../../src/protocol/peer-id.ts";
import type { VaultScore } from "../../src/vault-node/scores/scoreboard.ts";
import { simKey, simSeed } from "./sim-keys.ts";
import { defaultSimOptions } from "./sim-options.ts";
import { type SimWorld, startSimWorld } from "./sim-world.ts";

const never = 1e9;
const options = { ...defaultSimOptions, reconciliation: { roundMs: never, turnMsMin: never } };

async function fill({ random, clock, client }: SimWorld): Promise<readonly Address[]> {
  const addresses: Address[] = [];
  for (let i = 0; i < 40; i += 1) {
    const bytes = random.bytes(1000);
    const address = chunkAddress(bytes);
    await clock.runUntil(client.putChunk(address, bytes));
    addresses.push(address);
  }
  return addresses;
}

/** How others see the vaults of a node. */
function scoresOf({ nodes }: SimWorld, peer: PeerId): readonly VaultScore[] {
  return nodes.flatMap((node) => node.upkeep()?.scoreboard.scores() ?? []).filter((score) => score.peer === peer);
}

it("a node that serves wrong bytes is challenged at once by holders of the chunk, and found", async () => {
  const world = await startSimWorld({ ...options, liars: 1 });
  const addresses = await fill(world);
  const [, liar = assert.fail()] = world.nodes;
  assert.deepEqual(
    scoresOf(world, liar.peer).filter(({ honesty }) => honesty < 1),
    [],
  );
  for (const address of addresses) await world.clock.runUntil(world.client.getChunk(address));
  await world.clock.advance(3_000);
  assert.ok(scoresOf(world, liar.peer).some(({ honesty, faults }) => honesty < 1 && (faults["wrong-proof"] ?? 0) > 0));
  for (const { peer } of world.nodes.filter((node) => node !== liar))
    assert.ok(scoresOf(world, peer).every(({ honesty }) => honesty === 1));
  await world.stop();
});

it("lies about an honest node cost it a proof from each hearer a minute, and no score; without a grant nobody listens", async () => {
  const world = await startSimWorld(options);
  const addresses = await fill(world);
  const [, accused = assert.fail(), ...others] = world.nodes;
  const teller = world.network.createPeers(simSeed("client", 7), { listen: false });
  await teller.start();
  for (const node of others) teller.learn(node.peer, node.addresses());
  const grant = createGrant(world.genesis, simKey("owner", 0), { peerId: teller.self, notAfterMs: 0 });
  const tell = async (by: Uint8Array): Promise<number> => {
    const told = others.flatMap(({ peer }) =>
      addresses.map((chunk) => {
        const body = encodeMessage(wrongBytesRequest, { grant: by, peer: accused.peer, chunk });
        return teller.request(peer, "wrong-bytes", { body, chunks: [] }, { timeoutMs: 20_000 });
      }),
    );
    const settled = await world.clock.runUntil(Promise.allSettled(told));
    return settled.filter(({ status }) => status === "fulfilled").length;
  };
  assert.equal(await tell(new Uint8Array(20)), 0);
  assert.equal(world.upkeep.audited, 0);
  // What it said without a grant was counted too.
  await world.clock.advance(60_000);
  const heard = await tell(grant);
  assert.ok(heard > 0 && heard <= 6 * others.length, `${heard} were heard`);
  assert.ok(world.upkeep.audited > 0 && world.upkeep.audited <= others.length, `${world.upkeep.audited} challenges`);
  const scores = scoresOf(world, accused.peer);
  assert.ok(scores.length > 0 && scores.every(({ conduct, honesty }) => conduct === 1 && honesty === 1));
  await teller.stop();
  await world.stop();
});
