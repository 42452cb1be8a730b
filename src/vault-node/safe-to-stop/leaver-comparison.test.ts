// Proves that a second source learns from range digests exactly which chunks of a leaver another holder lacks, which are none of its
// own, and draws from all of them; that equal holdings cost two questions whatever there is; and that answers which break the
// rules end it. Method: the real answers of nodes with stores in memory, over one directory, asked in one process.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Delivery, Peers } from "../../network/peers.ts";
import { type Address, chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import { type LeaverChunksReply, leaverChunksReply, leaverChunksRequest } from "../../protocol/messages/leaver-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createInventoryRoot } from "../../protocol/safe-to-stop.ts";
import { systemClock as clock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createLeaverAnswers, type LeaverAnswers } from "./leaver-chunks.ts";
import { askAboutLeaver, compareLeaver, type LeaverComparison, type LeaverComparisonParts } from "./leaver-comparison.ts";
import { othersOf } from "./leaver-sets.ts";

const copies = { min: 4, target: 5, max: 8 };
const capacity = 320;
const never = new AbortController().signal;

type World = {
  readonly peers: readonly PeerId[];
  readonly held: ReadonlyMap<PeerId, Set<Address>>;
  readonly parts: LeaverComparisonParts;
  readonly others: (address: Address) => readonly PeerId[] | undefined;
  readonly asked: { messages: number; bytes: number };
  /** Changes what a node answers. */
  spoil: ((reply: LeaverChunksReply) => LeaverChunksReply) | undefined;
};

/** Ten nodes that hold what they should, the first of them the leaver. */
function createWorld(chunkCount: number): World {
  const genesis = createGenesis({ name: "leaver", copies, placeUnit: 10, createdAt: 0 }, signingKeyFromSeed(new Uint8Array(32)));
  const { directory, putRecord } = createNodeViews(genesis, clock.wallMs);
  const peers = Array.from({ length: 10 }, (_, n) => {
    const record = createNodeRecord(genesis.networkId, signingKeyFromSeed(new Uint8Array(32).fill(n + 1)), {
      addresses: [],
      domain: { region: "", zone: `zone ${n % 3}`, host: `host ${n}` },
      software: "",
      startCounter: 1,
      sequence: 1,
      signedAtMs: 0,
      vaults: [{ key: signingKeyFromSeed(new Uint8Array(32).fill(n + 101)), capacity, used: 0, chunks: 0, state: "active", wallet: null }],
    });
    putRecord(record, "live");
    return record.peerId;
  });
  const held = new Map(peers.map((peer) => [peer, new Set<Address>()]));
  for (let n = 0; n < chunkCount; n += 1) {
    const address = chunkAddress(Uint8Array.of(n & 255, n >> 8, 7));
    for (const { peer } of directory.closest(address, copies.target + 1, "all").holders) held.get(peer)?.add(address);
  }
  const answersOf = (self: PeerId): LeaverAnswers =>
    createLeaverAnswers({
      ...{ self, directory, copies, clock },
      store: { addresses: () => held.get(self) ?? [] },
      shared: { placement: () => new Uint8Array(8) },
      view: { around: () => peers, answering: () => peers, isHere: () => true, keeperAt: () => undefined },
    });
  const answers = new Map(peers.map((peer) => [peer, answersOf(peer)]));
  const self = peers[9] ?? assert.fail();
  const request: Peers["request"] = async (peer, _kind, { body }): Promise<Delivery> => {
    const asked = decodeMessage(leaverChunksRequest, body);
    const reply = asked.ok ? await answers.get(peer)?.(asked.value) : undefined;
    if (reply === undefined) throw new Error("no answer");
    const said = encodeMessage(leaverChunksReply, peer === world.peers[0] ? (world.spoil?.(reply) ?? reply) : reply);
    world.asked.messages += 1;
    world.asked.bytes += body.length + said.length;
    return { body: said, chunks: [], hashes: [], release: () => {} };
  };
  const parts = { peers: { self, request }, answers: answersOf(self), clock, random: seededRandom(3), questionTimeoutMs: 1000 };
  const others = (address: Address): readonly PeerId[] | undefined => othersOf({ directory, copies }, address, peers[0] ?? self);
  const world: World = { peers, held, parts, others, asked: { messages: 0, bytes: 0 }, spoil: undefined };
  return world;
}

const compare = ({ parts, peers }: World): LeaverComparison => compareLeaver(parts, peers[0] ?? assert.fail(), never);
const heldAt = ({ held, peers }: World, n: number): Set<Address> => held.get(peers[n] ?? assert.fail()) ?? assert.fail();

test("equal holdings cost two questions, and few bytes, however much there is", async () => {
  const world = createWorld(3_000);
  for (const [n, peer] of world.peers.entries()) {
    if (n === 0) continue;
    world.asked.messages = 0;
    assert.deepEqual(await compare(world).missingAt(peer), []);
    assert.ok(world.asked.messages <= 2, `${world.asked.messages} questions to node ${n}`);
  }
  assert.ok(world.asked.bytes < 30_000, `${world.asked.bytes} bytes`);
});

test("what another holder lacks is found to the chunk, at this node itself too; what it has more is no matter", async () => {
  const world = createWorld(3_000);
  const random = seededRandom(1);
  for (const n of [4, 9]) {
    const shared = [...heldAt(world, 0)].filter((address) => world.others(address)?.includes(world.peers[n] ?? assert.fail()));
    const lost = shared.filter(() => random.fraction() < 0.02);
    for (const address of lost) heldAt(world, n).delete(address);
    heldAt(world, 0).delete(shared.find((address) => !lost.includes(address)) ?? assert.fail());
    const missing = await compare(world).missingAt(world.peers[n] ?? assert.fail());
    assert.ok(lost.length > 5);
    assert.deepEqual([...(missing ?? [])].sort(), lost.sort());
  }
});

test("a holder with nothing, and what is none of the leaver's own, come whole; a draw comes from all", async () => {
  const world = createWorld(3_000);
  const [, , empty = assert.fail()] = world.peers;
  const shared = [...heldAt(world, 0)].filter((address) => world.others(address)?.includes(empty));
  heldAt(world, 2).clear();
  assert.deepEqual([...((await compare(world).missingAt(empty)) ?? [])].sort(), [...shared].sort());
  assert.deepEqual([...((await compare(world).sharedWith(empty)) ?? [])].sort(), [...shared].sort());
  const strays = [...heldAt(world, 5)].filter((address) => world.others(address) === undefined).slice(0, 3);
  const own = new Set(heldAt(world, 0));
  const fresh = createWorld(3_000);
  for (const address of strays) heldAt(fresh, 0).add(address);
  assert.deepEqual([...((await compare(fresh).sharedWith(null)) ?? [])].sort(), strays.sort());
  const drawn = await compare(fresh).sample(64);
  assert.equal(new Set(drawn).size, 64);
  assert.ok(drawn.every((address) => own.has(address)));
  const quarters = new Set(drawn.map((address) => Number.parseInt(address.slice(0, 1), 16) >> 2));
  assert.equal(quarters.size, 4, "from one corner only");
});

test("the leaver tells its count, root and neighbours", async () => {
  const world = createWorld(50);
  const root = createInventoryRoot();
  for (const address of [...heldAt(world, 0)].sort()) root.add(address);
  const reply = await askAboutLeaver(world.parts, world.peers[0] ?? assert.fail(), { kind: "inventory" }, never);
  assert.deepEqual(reply, {
    kind: "inventory",
    count: heldAt(world, 0).size,
    inventory: new Uint8Array(root.end()),
    around: [...world.peers],
  });
});

test("answers that leave something out, answer twice, cut outside or without an end are refused", async () => {
  const world = createWorld(3_000);
  const [, other = assert.fail()] = world.peers;
  type Found = Extract<LeaverChunksReply, { kind: "ranges" }>["found"];
  const spoiled =
    (change: (found: Found) => Partial<Found>) =>
    (reply: LeaverChunksReply): LeaverChunksReply =>
      reply.kind === "ranges" ? { kind: "ranges", found: { ...reply.found, ...change(reply.found) } } : reply;
  const endless = { range: 0, bounds: [new Uint8Array(32).fill(0x80)], fingerprints: new Uint8Array(32) };
  const changes: readonly ((found: Found) => Partial<Found>)[] = [
    () => ({ lists: [], splits: [] }),
    ({ splits }) => ({ splits: [...splits, ...splits] }),
    () => ({ considered: 0 }),
    () => ({ considered: 9 }),
    ({ splits }) => ({ splits: splits.map((one) => ({ ...one, bounds: [...one.bounds].reverse() })) }),
    () => ({ lists: [{ range: 0, chunks: new Uint8Array(64) }], splits: [] }),
    () => ({ lists: [], splits: [{ ...endless, bounds: [new Uint8Array(32)] }] }),
  ];
  for (const change of changes) {
    world.spoil = spoiled(change);
    await assert.rejects(compare(world).missingAt(other), { code: "malformed" });
  }
});
