// Proves that peers find each other and agree on who is there: whole memberships over the in-memory network on a virtual
// clock, so that minutes pass in milliseconds and every run is the same.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { type SigningKey, signingKeyFromSeed } from "../../protocol/keys.ts";
import { nodeRecordMax, recordBytesPerMessageMax } from "../../protocol/limits.ts";
import { type ExchangeRecordsRequest, exchangeRecordsReply, exchangeRecordsRequest } from "../../protocol/messages/exchange-records.ts";
import { createNodeRecord, type NodeAddress } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { NodeViewState } from "../../protocol/states.ts";
import type { Clock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createBoardWriter, createSuspicionBoard, type SuspicionFeed } from "../detector/suspicion-board.ts";
import { createMemoryNetwork, type MemoryNetwork } from "../in-memory/memory-network.ts";
import type { Peers, RequestOptions } from "../peers.ts";
import { createMembership, type Membership } from "./membership.ts";
import { leavingProof } from "./membership-fixture.ts";
import { membershipLimits as limits } from "./membership-limits.ts";
import type { IdentityClash, OwnRecordDraft } from "./own-node.ts";
import { pushRecords } from "./reconcile.ts";
import { createRecordBook } from "./record-book.ts";
import type { RecordCache } from "./record-cache.ts";

const gib = 2 ** 30;
const seedOf = (number: number, kind: number): Uint8Array => {
  const seed = new Uint8Array(32).fill(kind);
  new DataView(seed.buffer).setUint32(0, number);
  return seed;
};
const nodeKey = (number: number): SigningKey => signingKeyFromSeed(seedOf(number, 1));
const vaultKey = (number: number): SigningKey => signingKeyFromSeed(seedOf(number, 2));
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "test", copies, placeUnit: gib, createdAt: 0 }, signingKeyFromSeed(seedOf(0, 3)));

type Member = { readonly number: number; readonly peers: Peers; readonly membership: Membership; readonly address: NodeAddress };
type World = { readonly clock: VirtualClock; readonly network: MemoryNetwork };
type StartOptions = {
  feed?: SuspicionFeed;
  startCounter?: number;
  founder?: boolean;
  cache?: RecordCache;
  listensOnly?: boolean;
  clock?: Clock;
  port?: number;
};

const createWorld = (seed = 1): World => {
  const clock = createVirtualClock();
  return { clock, network: createMemoryNetwork({ clock, random: seededRandom(seed), faults: { delayMs: [1, 3] } }) };
};

const draftOf = (number: number, addresses: readonly NodeAddress[]): OwnRecordDraft => ({
  addresses,
  domain: { region: "", zone: `zone-${number % 3}`, host: `host-${number}` },
  software: "test",
  vaults: [{ key: vaultKey(number), capacity: 32 * gib, used: 0, chunks: 0, state: "active", wallet: null }],
});

async function startMember({ clock, network }: World, number: number, options: StartOptions = {}): Promise<Member> {
  const { port } = options;
  const peers = network.createPeers(seedOf(number, 1), { listen: options.listensOnly !== true, ...(port === undefined ? {} : { port }) });
  const own = { key: nodeKey(number), startCounter: options.startCounter ?? 1, founder: options.founder ?? false };
  const membership = createMembership({
    peers,
    genesis,
    clock: options.clock ?? clock,
    random: seededRandom(number),
    log: silentLog,
    ...(options.cache === undefined ? {} : { cache: options.cache }),
    ...(options.feed === undefined ? {} : { feed: options.feed }),
    ...(options.listensOnly === true ? {} : { own }),
  });
  await peers.start();
  const [address = { ip: "127.0.0.1", libp2p: 0, lane: 0, heartbeat: 0 }] = peers.addresses();
  if (options.listensOnly !== true) membership.announce(draftOf(number, peers.addresses()));
  await membership.start();
  return { number, peers, membership, address };
}

async function startFarm(world: World, count: number): Promise<readonly Member[]> {
  const first = await startMember(world, 1, { founder: true });
  const rest = await Promise.all(Array.from({ length: count - 1 }, (_, i) => startMember(world, i + 2)));
  for (const { membership } of rest) membership.bootstrap([first.address]);
  return [first, ...rest];
}

/** Moves time on until the condition holds; fails after `limitMs` of virtual time. Returns how long it took. */
async function until({ clock }: World, limitMs: number, what: string, holds: () => boolean): Promise<number> {
  const startMs = clock.monotonicMs();
  while (!holds()) {
    assert.ok(clock.monotonicMs() - startMs < limitMs, `${what}: not within ${limitMs} ms`);
    await clock.advance(10);
  }
  return clock.monotonicMs() - startMs;
}

const stateAt = (at: Member, peer: PeerId): NodeViewState | undefined => at.membership.directory.node(peer)?.state;
const liveAt = (at: Member): number => at.membership.directory.nodes().filter(({ state }) => state === "live").length;
const allLive = (members: readonly Member[]): boolean => members.every((member) => liveAt(member) === members.length);
const stopAll = (members: readonly Member[]): Promise<unknown> =>
  Promise.all(members.map(({ membership, peers }) => membership.stop().then(() => peers.stop())));
const kill = async ({ network }: World, member: Member): Promise<void> => {
  network.crash(member.peers.self);
  await member.membership.stop();
};
const memoryCache = (): RecordCache & { saved: readonly Uint8Array[] } => {
  const cache = {
    saved: [] as readonly Uint8Array[],
    load: async () => cache.saved,
    save: async (records: readonly Uint8Array[]) => {
      cache.saved = records;
    },
  };
  return cache;
};

test("50 peers that know one address all find each other and give the same answers", async () => {
  const world = createWorld();
  const members = await startFarm(world, 50);
  await until(world, 30_000, "all live everywhere", () => allLive(members));
  assert.ok(members.every(({ membership }) => membership.joined()));
  const placed = members.map(({ membership }) =>
    JSON.stringify(membership.directory.closest(genesis.networkId, 5, "write").holders.map(({ vault }) => vault)),
  );
  assert.equal(new Set(placed).size, 1);
  await stopAll(members);
});

test("a killed peer is suspected at once by all, left out of reads and writes, and live again within 2 s of its return on another port", async () => {
  const world = createWorld();
  const members = await startFarm(world, 8);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, , , fourth] = members;
  assert.ok(first !== undefined && fourth !== undefined);
  const rest = members.filter((member) => member !== fourth);
  await kill(world, fourth);
  await until(world, 50, "suspected everywhere", () => rest.every((member) => stateAt(member, fourth.peers.self) === "suspected"));
  for (const purpose of ["read", "write"] as const)
    assert.ok(first.membership.directory.closest(genesis.networkId, 8, purpose).holders.every(({ peer }) => peer !== fourth.peers.self));
  assert.equal(first.membership.directory.closest(genesis.networkId, 8, "all").holders.length, 8);
  await world.clock.advance(60_000);
  const back = await startMember(world, fourth.number, { startCounter: 2 });
  back.membership.bootstrap([first.address]);
  assert.notDeepEqual(back.address, fourth.address);
  await until(world, 2_000, "live again", () => allLive([...rest, back]));
  await stopAll([...rest, back]);
});

test("a returning peer that nobody can dial any more and that has only its cache finds the farm without bootstrap", async () => {
  const world = createWorld();
  const members = await startFarm(world, 5);
  const cache = memoryCache();
  const cached = await startMember(world, 9, { cache });
  cached.membership.bootstrap(members.slice(0, 1).map(({ address }) => address));
  await until(world, 10_000, "all live", () => allLive([...members, cached]));
  await cached.membership.stop();
  world.network.crash(cached.peers.self);
  assert.equal(cache.saved.length, 6);
  const back = await startMember(world, 9, { startCounter: 2, cache });
  await until(world, 2_000, "live again", () => allLive([...members, back]));
  await until(world, 2_000, "joined", back.membership.joined);
  await stopAll([...members, back]);
});

test("a peer that only listens sees the farm and is no member", async () => {
  const world = createWorld();
  const members = await startFarm(world, 4);
  const gateway = await startMember(world, 20, { listensOnly: true });
  assert.equal(gateway.membership.joined(), false);
  gateway.membership.bootstrap(members.map(({ address }) => address));
  await until(world, 10_000, "seen", () => liveAt(gateway) === 4);
  assert.ok(gateway.membership.joined());
  await until(world, 10_000, "all live", () => allLive(members));
  assert.ok(members.every(({ membership }) => membership.directory.nodes().length === 4));
  assert.throws(() => gateway.membership.announce(draftOf(20, [])), /nothing to announce/);
  await stopAll([...members, gateway]);
});

test("a partition shows on both sides and heals by itself", async () => {
  const world = createWorld();
  const members = await startFarm(world, 8);
  await until(world, 10_000, "all live", () => allLive(members));
  const [left, right] = [members.slice(0, 5), members.slice(5)];
  const ids = (side: readonly Member[]): readonly PeerId[] => side.map(({ peers }) => peers.self);
  world.network.partition(ids(left), ids(right));
  await until(world, 50, "split", () => left.every((m) => liveAt(m) === 5) && right.every((m) => liveAt(m) === 3));
  const late = await startMember(world, 30);
  late.membership.bootstrap(left.slice(0, 1).map(({ address }) => address));
  world.network.partition([late.peers.self], ids(right));
  await world.clock.advance(120_000);
  assert.ok(left.every((m) => liveAt(m) === 6) && right.every((m) => liveAt(m) === 3));
  world.network.heal();
  await until(world, 5_000, "healed", () => allLive([...members, late]));
  await stopAll([...members, late]);
});

test("away is routed round at once, ends with the return or with its time; leaving, proved, is gone for good", async () => {
  const world = createWorld();
  const members = await startFarm(world, 6);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second, third] = members;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const rest = members.slice(3);
  await world.clock.runUntil(second.membership.sayGoodbye("away", 5_000));
  assert.ok(rest.every((member) => stateAt(member, second.peers.self) === "away"));
  await kill(world, second);
  await until(world, 5_500, "time over", () => rest.every((member) => stateAt(member, second.peers.self) === "suspected"));
  const back = await startMember(world, 2, { startCounter: 2 });
  back.membership.bootstrap([first.address]);
  await until(world, 2_000, "back", () => rest.every((member) => stateAt(member, second.peers.self) === "live"));

  await world.clock.runUntil(third.membership.leave(leavingProof(world, third, members)));
  await kill(world, third);
  assert.ok(rest.every((member) => stateAt(member, third.peers.self) === "gone"));
  const newcomer = await startMember(world, 40);
  newcomer.membership.bootstrap([first.address]);
  await until(world, 10_000, "newcomer", () => liveAt(newcomer) === 6);
  // Whoever had not heard the goodbye passes the record on; reconciliation brings the goodbye after it.
  await until(world, 30_000, "the leaver is no longer tried", () => (stateAt(newcomer, third.peers.self) ?? "gone") === "gone");
  assert.equal(first.membership.directory.closest(genesis.networkId, 8, "all").holders.length, 6);
  const returned = await startMember(world, 3, { startCounter: 2 });
  returned.membership.bootstrap([first.address]);
  await until(world, 5_000, "returned", () => rest.every((member) => stateAt(member, third.peers.self) === "live"));
  await stopAll([first, ...rest, back, newcomer, returned]);
});

test("who comes while a node is away, and knew it or not, learns that it is away, and does not take it for one that it never met", async () => {
  const world = createWorld();
  const members = await startFarm(world, 6);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second, third] = members;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  await world.clock.runUntil(second.membership.sayGoodbye("away"));
  await kill(world, second);
  await kill(world, third);
  const newcomer = await startMember(world, 41);
  newcomer.membership.bootstrap([first.address]);
  const returned = await startMember(world, 3, { startCounter: 2 });
  returned.membership.bootstrap([first.address]);
  for (const member of [newcomer, returned]) {
    await until(world, 10_000, "it is away to this one too", () => stateAt(member, second.peers.self) === "away");
    assert.equal(member.membership.directory.node(second.peers.self)?.confirmed, true, "so that it counts for all alike");
  }
  const back = await startMember(world, 2, { startCounter: 2 });
  back.membership.bootstrap([first.address]);
  await until(world, 5_000, "back", () => [newcomer, returned].every((member) => stateAt(member, second.peers.self) === "live"));
  await stopAll([first, ...members.slice(3), newcomer, returned, back]);
});

test("an address of a node that is connected is not dialled anew, one that leads to nobody known is", async () => {
  const world = createWorld();
  const members = await startFarm(world, 3);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second, third] = members;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const dialled: number[] = [];
  const { dial } = second.peers;
  Object.assign(second.peers, {
    dial: (address: NodeAddress, options: RequestOptions) => {
      dialled.push(address.libp2p);
      return dial(address, options);
    },
  });
  const nowhere = { ...third.address, libp2p: 9_999 };
  second.membership.bootstrap([first.address, third.address, nowhere]);
  await until(world, 5_000, "the third address is tried", () => dialled.includes(nowhere.libp2p));
  assert.deepEqual([...new Set(dialled)], [nowhere.libp2p]);
  await stopAll(members);
});

test("a failed request is a suspicion, and an answer takes it back", async () => {
  const world = createWorld();
  const members = await startFarm(world, 4);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  first.membership.reportFailure(second.peers.self);
  assert.equal(stateAt(first, second.peers.self), "suspected");
  await until(world, 1_000, "refuted", () => stateAt(first, second.peers.self) === "live");
  await stopAll(members);
});

test("a node to which a request failed is tried at once when its heartbeats come again, not when its next try is due", async () => {
  const world = createWorld();
  const board = createSuspicionBoard();
  const first = await startMember(world, 1, { founder: true, feed: board });
  const second = await startMember(world, 2);
  second.membership.bootstrap([first.address]);
  await until(world, 5_000, "all live", () => allLive([first, second]));
  const { self } = second.peers;
  const slot = board.slotOf(self) ?? assert.fail("a board without room");
  const writer = createBoardWriter(board.memory);
  world.network.setFaults({ lossRate: 1 });
  first.membership.reportFailure(self);
  writer.write(slot, "silent", 0);
  first.membership.refresh();
  // The try that follows at once has just failed; the next is a quarter of a second away.
  await world.clock.advance(2_010);
  assert.equal(stateAt(first, self), "suspected");
  world.network.setFaults({ lossRate: 0 });
  writer.write(slot, "heard", 0);
  first.membership.refresh();
  assert.equal(stateAt(first, self), "suspected", "heartbeats alone do not say that its connection works");
  await until(world, 70, "live", () => stateAt(first, self) === "live");
  await stopAll([first, second]);
});

test("of two processes with one identity the one with the lower start counter learns that it must stop, and of whom", async () => {
  const world = createWorld();
  const members = await startFarm(world, 4);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  await kill(world, second);
  const newer = await startMember(world, 2, { startCounter: 7 });
  newer.membership.bootstrap([first.address]);
  await until(world, 5_000, "newer is live", () => stateAt(first, second.peers.self) === "live");
  await kill(world, newer);
  const copy = await startMember(world, 2, { startCounter: 6 });
  const clashes: IdentityClash[] = [];
  copy.membership.onClash((clash) => clashes.push(clash));
  copy.membership.bootstrap([first.address]);
  await until(world, 5_000, "clash", () => clashes.length > 0);
  assert.deepEqual(clashes[0], { own: [copy.address], other: [newer.address], ownStartCounter: 6, otherStartCounter: 7 });
  assert.equal(first.membership.directory.node(second.peers.self)?.record.startCounter, 7);
  await stopAll([first, ...members.slice(2), copy]);
});

test("forged, foreign, future and oversized records are dropped and counted, old ones answered with the newest, and the sender is blocked", async () => {
  const world = createWorld();
  const members = await startFarm(world, 3);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  const stranger = world.network.createPeers(seedOf(99, 1));
  await stranger.start();
  stranger.learn(first.peers.self, [first.address]);
  const push = async (...records: Uint8Array[]): Promise<readonly Uint8Array[]> => {
    const body = encodeMessage(exchangeRecordsRequest, { kind: "push", records });
    const answer = await world.clock.runUntil(
      stranger.request(first.peers.self, "exchange-records", { body, chunks: [] }, { timeoutMs: 1_000 }),
    );
    const reply = decodeMessage(exchangeRecordsReply, answer.body);
    assert.ok(reply.ok);
    return reply.value.records;
  };
  const signed = (number: number, change: object = {}, network = genesis.networkId): Uint8Array =>
    createNodeRecord(network, nodeKey(number), {
      ...draftOf(number, []),
      startCounter: 1,
      sequence: 1,
      signedAtMs: Math.floor(world.clock.wallMs()),
      ...change,
    }).bytes;
  const other = createGenesis({ name: "other", copies, placeUnit: gib, createdAt: 0 }, nodeKey(77));
  const forged = signed(50);
  forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;

  assert.deepEqual(await push(signed(2, { startCounter: 0 })), [first.membership.directory.node(second.peers.self)?.record.bytes]);
  await push(forged);
  await push(signed(51, {}, other.networkId));
  await push(signed(52, { signedAtMs: Math.floor(world.clock.wallMs()) + 130_000 }));
  const counts = first.membership.counts();
  assert.deepEqual([counts.refused["bad-signature"], counts.refused["other-network"], counts.refused.future], [1, 1, 1]);
  assert.equal(counts.offences, 2);
  assert.equal(first.membership.directory.nodes().length, 3);
  for (let i = 0; i < 6; i++) await push(Uint8Array.of(i)).catch(() => []);
  assert.ok(!first.peers.connected().includes(stranger.self));
  assert.equal(first.membership.counts().refused.malformed, 6);
  await push(signed(53)).catch(() => []);
  assert.equal(first.membership.directory.nodes().length, 3, "a blocked peer's good records are not looked at either");
  await world.clock.advance(61_000);
  await push(signed(53));
  assert.equal(first.membership.directory.nodes().length, 4);
  await stopAll(members);
  await stranger.stop();
});

test("a machine that slept forgets its suspicions, and says itself anew", async () => {
  const world = createWorld();
  const members = await startFarm(world, 4);
  let sleptMs = 0;
  const clock: Clock = { ...world.clock, wallMs: () => world.clock.wallMs() + sleptMs };
  const sleeper = await startMember(world, 10, { clock });
  sleeper.membership.bootstrap(members.map(({ address }) => address));
  await until(world, 10_000, "all live", () => allLive([...members, sleeper]));
  const sequence = (): number => sleeper.membership.directory.node(sleeper.peers.self)?.record.sequence ?? 0;
  const before = sequence();
  // No message gets through: what is suspected now stays so, were it not for the sleep.
  world.network.setFaults({ lossRate: 1 });
  for (const { peers } of members) sleeper.membership.reportFailure(peers.self);
  await world.clock.advance(300);
  assert.equal(liveAt(sleeper), 1);
  sleptMs = 60_000;
  await until(world, 300, "suspicions forgotten", () => liveAt(sleeper) === 5);
  assert.equal(sequence(), before + 1);
  assert.equal(sleeper.membership.counts().pauses, 1);
  world.network.setFaults({ lossRate: 0 });
  await stopAll([...members, sleeper]);
});

type Cached = ReturnType<typeof memoryCache>;

/** A farm of `count` whose caches know all of it. */
async function startCached(world: World, count: number): Promise<{ members: readonly Member[]; caches: readonly Cached[] }> {
  const caches = Array.from({ length: count }, memoryCache);
  const members = await Promise.all(caches.map((cache, i) => startMember(world, i + 1, { cache, founder: i === 0 })));
  for (const { membership } of members.slice(1)) membership.bootstrap(members.slice(0, 1).map(({ address }) => address));
  await until(world, 10_000, "all live", () => allLive(members));
  return { members, caches };
}

test("nodes that come back to the one that stayed, at once and with its address alone, are all live everywhere within 2 s", async () => {
  const world = createWorld();
  const { members, caches } = await startCached(world, 5);
  const [first] = members;
  assert.ok(first !== undefined);
  for (const member of members.slice(1)) await kill(world, member);
  await until(world, 100, "seen", () => liveAt(first) === 1);
  // On other ports, so that they learn from the first alone where the others are; so soon that their last news is still fresh.
  const rest = await Promise.all(caches.slice(1).map((cache, i) => startMember(world, i + 2, { startCounter: 2, cache })));
  await until(world, 2_000, "all live again", () => allLive([first, ...rest]));
  await stopAll([first, ...rest]);
});

for (const goodbye of [true, false])
  test(`a whole farm that stopped, ${goodbye ? "each with a goodbye" : "all at once"}, comes back on its ports from its caches alone within 2 s`, async () => {
    const world = createWorld();
    const { members, caches } = await startCached(world, 8);
    for (const member of members) {
      if (goodbye) await world.clock.runUntil(member.membership.sayGoodbye("away"));
      await kill(world, member);
    }
    await world.clock.advance(60_000);
    assert.ok(caches.every(({ saved }) => saved.length === 8));
    const again = await Promise.all(
      caches.map((cache, i) => startMember(world, i + 1, { startCounter: 2, cache, port: members[i]?.address.libp2p ?? 0 })),
    );
    await until(world, 2_000, "all live again and joined", () => allLive(again) && again.every(({ membership }) => membership.joined()));
    await stopAll(again);
  });

test("a whole farm that stopped and comes back on other ports finds itself again through one address that is right, within 3 s", async () => {
  const world = createWorld();
  const { members, caches } = await startCached(world, 8);
  for (const member of members) await kill(world, member);
  await world.clock.advance(60_000);
  const again = await Promise.all(caches.map((cache, i) => startMember(world, i + 1, { startCounter: 2, cache })));
  const [old, fresh] = [members[0]?.address, again[5]?.address];
  assert.ok(old !== undefined && fresh !== undefined);
  await world.clock.advance(5_000);
  assert.ok(
    again.every((member) => liveAt(member) === 1),
    "nobody is where the caches say",
  );
  for (const { membership } of again) membership.bootstrap([old, fresh]);
  await until(world, 3_000, "all live again", () => allLive(again));
  await stopAll(again);
});

/** A peer that no directory knows and that sends what it likes to `first`, a message after the other. */
async function startFlooder(
  world: World,
  first: Member,
): Promise<{ readonly peers: Peers; send(request: ExchangeRecordsRequest): Promise<unknown> }> {
  const peers = world.network.createPeers(seedOf(98, 1));
  await peers.start();
  peers.learn(first.peers.self, [first.address]);
  const send = (request: ExchangeRecordsRequest): Promise<unknown> => {
    const message = { body: encodeMessage(exchangeRecordsRequest, request), chunks: [] };
    return world.clock.runUntil(peers.request(first.peers.self, "exchange-records", message, { timeoutMs: 1_000 }).catch(() => {}));
  };
  return { peers, send };
}

test("a flood of gossip is cut off at its sender's rate, then costs it the connection, and disturbs nobody else's", async () => {
  const world = createWorld();
  const members = await startFarm(world, 3);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first, second] = members;
  assert.ok(first !== undefined && second !== undefined);
  const flooder = await startFlooder(world, first);
  const record = second.membership.directory.node(second.peers.self)?.record.bytes ?? new Uint8Array(0);
  const batch = Array.from({ length: Math.floor(150_000 / record.length) }, () => record);
  const push = (): Promise<unknown> => flooder.send({ kind: "push", records: batch });
  for (let i = 0; i < 30; i += 1) await push();
  assert.ok(first.membership.counts().overRate > 10);
  assert.equal(first.membership.counts().offences, 0, "a large network may push as much");
  second.membership.announce({ ...draftOf(2, [second.address]), software: "newer" });
  await until(world, 100, "news", () => first.membership.directory.node(second.peers.self)?.record.software === "newer");
  for (let i = 0; i < 150; i += 1) await push();
  assert.ok(first.membership.counts().offences >= limits.offencesMax);
  await until(world, 100, "disconnected", () => !first.peers.connected().includes(flooder.peers.self));
  assert.ok(allLive(members));
  await stopAll(members);
  await flooder.peers.stop();
});

test("an honest peer that is told that it pushes too much keeps the rest for later", async () => {
  const world = createWorld();
  const [asker, asked] = [seedOf(97, 1), seedOf(98, 1)].map((seed) => world.network.createPeers(seed));
  assert.ok(asker !== undefined && asked !== undefined);
  let came = 0;
  asked.handle("exchange-records", async () => {
    came += 1;
    if (came > 1) throw new Error("more than may be pushed now");
    return { body: encodeMessage(exchangeRecordsReply, { differing: [], records: [], more: false, wanted: [] }), chunks: [] };
  });
  await asker.start();
  await asked.start();
  asker.learn(asked.self, asked.addresses());
  const batches = 5;
  const records = Array.from({ length: (batches * recordBytesPerMessageMax) / nodeRecordMax }, () => new Uint8Array(nodeRecordMax));
  const unused = { record: () => assert.fail(), offend: () => assert.fail() } as unknown as Parameters<typeof pushRecords>[0]["intake"];
  const book = createRecordBook(genesis.networkId);
  await world.clock.runUntil(pushRecords({ peers: asker, book, intake: unused }, asked.self, records, limits));
  assert.equal(came, 2);
  for (const peers of [asker, asked]) await peers.stop();
});

test("questions about records beyond the rate of any honest peer are not answered, and then cost the connection", async () => {
  const world = createWorld();
  const members = await startFarm(world, 3);
  await until(world, 10_000, "all live", () => allLive(members));
  const [first] = members;
  assert.ok(first !== undefined);
  const flooder = await startFlooder(world, first);
  const ask = (): Promise<unknown> => flooder.send({ kind: "summary", fingerprints: new Uint8Array(8) });
  for (let i = 0; i < limits.questionBurst; i += 1) assert.notEqual(await ask(), undefined);
  assert.equal(first.membership.counts().offences, 0);
  // The rate gives back one every 31 ms, and a question travels 2 to 6.
  for (let i = 0; i < 400 && first.peers.connected().includes(flooder.peers.self); i += 1) await ask();
  assert.ok(first.membership.counts().offences >= limits.offencesMax);
  assert.ok(!first.peers.connected().includes(flooder.peers.self));
  assert.ok(allLive(members));
  await stopAll(members);
  await flooder.peers.stop();
});

test("records survive a network that loses a third of all messages", async () => {
  const world = createWorld(7);
  world.network.setFaults({ lossRate: 0.33, duplicateRate: 0.1, delayMs: [1, 200] });
  const members = await startFarm(world, 8);
  const known = (): boolean => members.every(({ membership }) => membership.directory.nodes().length === 8);
  await until(world, 120_000, "all known", known);
  world.network.setFaults({ lossRate: 0, duplicateRate: 0, delayMs: [1, 3] });
  await until(world, 10_000, "all live", () => allLive(members));
  await stopAll(members);
});

test("a connection that leads nowhere is given up after ten seconds of attempts, and made anew once there is a way", async () => {
  const world = createWorld();
  const members = await startFarm(world, 2);
  const [first, second] = members as [Member, Member];
  await until(world, 10_000, "both are live", () => allLive(members));
  const gone: number[] = [];
  first.peers.onEvent(({ kind }) => void (kind === "disconnected" && gone.push(world.clock.monotonicMs())));
  const beganMs = world.clock.monotonicMs();
  world.network.setFaults({ lossRate: 1 });
  first.membership.suspect(second.peers.self, "silent");
  await until(world, 20_000, "it is given up", () => gone.length > 0);
  assert.ok((gone[0] ?? 0) - beganMs >= limits.deafMs);
  world.network.setFaults({ lossRate: 0 });
  await until(world, 10_000, "both are live again", () => allLive(members));
  await stopAll(members);
});
