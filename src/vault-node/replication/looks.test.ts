// Proves what looks make of a node that is suspected at the moment of one, over a real directory, view and book: it is not asked
// and counts as it did as long as it lives, and what it says once it is asked again holds. And that copies need not wait for the end
// of a long look.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createNodeViews } from "../../network/membership/node-views.ts";
import type { Peers } from "../../network/peers.ts";
import { chunkAddress } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { createGenesis } from "../../protocol/genesis.ts";
import { signingKeyFromSeed, vaultName } from "../../protocol/keys.ts";
import { hasChunksReply, hasChunksRequest } from "../../protocol/messages/has-chunks.ts";
import { createNodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createMemoryChunkStore } from "../chunk-store/memory.ts";
import { createCopyBook } from "./copy-book.ts";
import { createCopyQueue } from "./copy-queue.ts";
import { createKeepView } from "./keep-view.ts";
import { createLooks } from "./looks.ts";
import { createReminders } from "./reminders.ts";
import { silentReplicationEvents } from "./replication-events.ts";
import { replicationLimits as limits } from "./replication-limits.ts";

const unwilling = { saidNo: () => false, fails: () => false };
const keyOf = (n: number) => signingKeyFromSeed(new Uint8Array(32).fill(n));
const copies = { min: 4, target: 5, max: 8 };
const genesis = createGenesis({ name: "looked at", copies, placeUnit: 2 ** 20, createdAt: 0 }, keyOf(90));
const vaultKeyOf = (n: number) => keyOf(n + 40);
const capacity = 2 ** 24;
const recordOf = (n: number, state: "active" | "cordoned" | "joining" = "active") =>
  createNodeRecord(genesis.networkId, keyOf(n), {
    addresses: [],
    domain: { region: "", zone: "", host: `host ${n}` },
    ...{ software: "", startCounter: 1, sequence: 1, signedAtMs: 0 },
    vaults: [{ key: vaultKeyOf(n), capacity, used: 0, chunks: 1, state, wallet: null }],
  });

/** A node among five that hold one chunk, which it counts; `look` has it look at that. */
async function lookingNode(count = 5) {
  const clock = createVirtualClock();
  const views = createNodeViews(genesis, clock.wallMs);
  const { directory } = views;
  const nodes = Array.from({ length: count }, (_, n) => recordOf(n + 1));
  for (const record of nodes) views.putRecord(record, "live");
  const nowMs = clock.monotonicMs;
  const [deaf, distrusted] = [new Set<PeerId>(), new Set<PeerId>()];
  const view = createKeepView({
    directory,
    policy: copies,
    placeUnit: genesis.placeUnit,
    delays: limits.repairDelayMs,
    circle: 16,
    nowMs,
    distrusted: () => new Set(distrusted),
  });
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const address = chunkAddress(bytes);
  const [self, ...others] = view.keepers(address, "enough").map(({ peer }) => peer);
  const vault = vaultName(vaultKeyOf(nodes.findIndex(({ peerId }) => peerId === self) + 1).publicKey);
  assert.ok(self !== undefined);
  const store = createMemoryChunkStore({ vaults: [{ vault, capacity }], clock });
  await store.put([{ vault, address, bytes }]);
  const holding = new Set<PeerId>(others);
  const asked: PeerId[] = [];
  const request: Peers["request"] = async (peer, _kind, message) => {
    asked.push(peer);
    if (deaf.has(peer)) throw new Error("no answer");
    const question = decodeMessage(hasChunksRequest, message.body);
    assert.ok(question.ok);
    const held = holding.has(peer) ? question.value.chunks.map((chunk) => ({ chunk, vault, size: bytes.length })) : [];
    return { body: encodeMessage(hasChunksReply, { held, receipts: [] }), chunks: [], hashes: [], release: () => {} };
  };
  const book = createCopyBook(self, { ...copies, chunksMax: limits.countedMax });
  const reminders = createReminders(limits.remindersMax);
  const queue = createCopyQueue(limits.tasksMax);
  const events = silentReplicationEvents;
  const parts = {
    genesis,
    peers: { self, request },
    directory,
    store,
    clock,
    log: silentLog,
    limits,
    events,
    view,
    queue,
    book,
    reminders,
  };
  const looks = createLooks({ ...parts, unwilling, queued: () => {} });
  await clock.advance(limits.settleMs);
  await looks.lookIfDue(AbortSignal.any([]));
  const look = async (): Promise<readonly PeerId[]> => {
    reminders.set(address, { kind: "again", dueMs: clock.monotonicMs(), spare: false });
    asked.length = 0;
    view.tick();
    await looks.lookIfDue(AbortSignal.any([]));
    return [...asked];
  };
  const recordFor = (peer: PeerId, state: "active" | "cordoned" | "joining") =>
    recordOf(nodes.findIndex(({ peerId }) => peerId === peer) + 1, state);
  return {
    parts,
    vault,
    views,
    others,
    holding,
    deaf,
    distrusted,
    look,
    looks,
    counted: () => book.count(() => true),
    recordFor,
    live: (dead?: PeerId) => book.count((peer) => peer !== dead).live,
  };
}

test("copies may be made while the rest is still looked through", async () => {
  const { parts, vault, holding } = await lookingNode();
  const { store, view, queue, clock, peers } = parts;
  const isOwn = (bytes: Uint8Array): boolean => view.keepers(chunkAddress(bytes), "enough")[0]?.peer === peers.self;
  const more = Array.from({ length: 40 }, (_, n) => Uint8Array.of(n, 9)).filter(isOwn);
  assert.ok(more.length >= 2);
  await store.put(more.map((bytes) => ({ vault, address: chunkAddress(bytes), bytes })));
  holding.clear();
  const waiting: number[] = [];
  const queued = (): void => void waiting.push([...queue.addresses()].length);
  const looks = createLooks({ ...parts, limits: { ...limits, chunksPerSurvey: 1, settleMs: 0 }, unwilling, queued });
  await clock.runUntil(looks.lookIfDue(AbortSignal.any([])));
  const [first = 0] = waiting;
  assert.ok(first < (waiting.at(-1) ?? 0), "told before all were looked at");
  assert.equal(waiting.at(-1), more.length + 1);
});

test("a look while a node is suspected leaves it in the count; silent for long it is out, and once asked its word holds", async () => {
  const { views, others, holding, look, live } = await lookingNode();
  const [suspect] = others;
  assert.ok(suspect !== undefined);
  assert.deepEqual(live(), [0, 0, 0, 0, 0, 1]);
  views.setState(suspect, "suspected");
  assert.equal((await look()).includes(suspect), false);
  assert.deepEqual(live(), [0, 0, 0, 0, 0, 1], "a suspicion loses no copy");
  await look();
  assert.deepEqual(
    [live(), live(suspect)],
    [
      [0, 0, 0, 0, 0, 1],
      [0, 0, 0, 0, 1, 0],
    ],
    "nor does a second look; a death does",
  );
  holding.delete(suspect);
  views.setState(suspect, "live");
  assert.equal((await look()).includes(suspect), true);
  assert.deepEqual(live(), [0, 0, 0, 0, 1, 0], "back, without the chunk");
  holding.add(suspect);
  await look();
  views.setState(suspect, "gone");
  await look();
  assert.deepEqual(live(), [0, 0, 0, 0, 1, 0], "gone for good");
});

test("a chunk that no vault had room for is tried as soon as one that was full takes again, after a rest", async () => {
  const { parts, views, others, holding, look, looks, recordFor } = await lookingNode();
  const { clock, queue } = parts;
  const [full] = others;
  assert.ok(full !== undefined);
  const waiting = async (): Promise<number> => {
    await looks.lookIfDue(AbortSignal.any([]));
    return [...queue.addresses()].length;
  };
  holding.delete(full);
  views.putRecord(recordFor(full, "cordoned"), "live");
  await look();
  await clock.advance(2 * limits.refusedForMs);
  assert.equal(await waiting(), 0, "nobody has room");
  views.putRecord(recordFor(full, "active"), "live");
  assert.equal(await waiting(), 1);
  assert.ok(clock.monotonicMs() < limits.everythingEveryMs);
});

test("chunks whose reminders were forgotten are looked at once there is place for them, not with the next look at everything", async () => {
  const { parts, holding } = await lookingNode();
  const { clock, queue } = parts;
  const reminders = createReminders(1);
  const looks = createLooks({ ...parts, reminders, limits: { ...limits, settleMs: 0 }, unwilling, queued: () => {} });
  const waiting = async (): Promise<number> => {
    await looks.lookIfDue(AbortSignal.any([]));
    return [...queue.addresses()].length;
  };
  await waiting();
  const dueMs = clock.monotonicMs() + limits.forgottenEveryMs + limits.tickMs;
  for (const n of [1, 2]) reminders.set(chunkAddress(Uint8Array.of(n)), { kind: "again", dueMs, spare: false });
  holding.clear();
  await clock.advance(limits.forgottenEveryMs);
  assert.equal(await waiting(), 0, "no place yet");
  await clock.advance(limits.tickMs);
  assert.equal(await waiting(), 1);
});

test("a chunk that lacks copies is remembered in place of one that lacks none", async () => {
  const { parts, views, others, holding, recordFor } = await lookingNode();
  const [full] = others;
  const [address] = parts.store.addresses();
  assert.ok(full !== undefined && address !== undefined);
  holding.delete(full);
  views.putRecord(recordFor(full, "cordoned"), "live");
  const reminders = createReminders(1);
  reminders.set(chunkAddress(Uint8Array.of(1)), { kind: "again", dueMs: limits.everythingEveryMs, spare: true });
  const looks = createLooks({ ...parts, reminders, limits: { ...limits, settleMs: 0 }, unwilling, queued: () => {} });
  await looks.lookIfDue(AbortSignal.any([]));
  assert.ok(reminders.awaitsRoom(address));
});

test("a node that gives no answer does not hide that another has lost its copy", async () => {
  const { others, holding, deaf, look, live } = await lookingNode();
  const [first, second] = others;
  assert.ok(first !== undefined && second !== undefined);
  deaf.add(first);
  holding.delete(second);
  await look();
  assert.deepEqual(live(), [0, 0, 0, 0, 1, 0], "who gives no answer counts as before, who lost it does not");
});

test("a claim that is not believed is no copy on a node that leaves", async () => {
  const { others, holding, distrusted, look, counted } = await lookingNode();
  const [liar, lost] = others;
  assert.ok(liar !== undefined && lost !== undefined);
  holding.delete(lost);
  distrusted.add(liar);
  await look();
  assert.deepEqual([counted().live, counted().onLeavers], [[0, 0, 0, 1, 0, 0], 0]);
});

test("whose turn it is does not wait anew because all is looked through again, or a comparison found the same", async () => {
  const { parts, views, others, holding, recordFor } = await lookingNode();
  const { clock, queue, view, store } = parts;
  const [address] = store.addresses();
  const [self] = others;
  assert.ok(self !== undefined && address !== undefined);
  // Seen from the second holder: the first one, which would be to act, does not.
  holding.clear();
  for (const peer of [parts.peers.self, ...others.slice(1, 3)]) holding.add(peer);
  const looks = createLooks({ ...parts, peers: { ...parts.peers, self }, limits: { ...limits, settleMs: 0 }, unwilling, queued: () => {} });
  for (let atMs = 0; atMs < 2 * limits.turnMs && [...queue.addresses()].length === 0; atMs += 10_000) {
    // A node nearby that comes and goes.
    views.putRecord(recordFor(others[3] ?? assert.fail(), atMs % 20_000 === 0 ? "joining" : "active"), "live");
    view.tick();
    await looks.lookIfDue(AbortSignal.any([]));
    await clock.advance(10_000);
  }
  assert.deepEqual([...queue.addresses()], [address]);
});

test("the loss of a holder far out, past vaults that were full once, is looked at like that of a near one", async () => {
  const { parts, views, others, holding } = await lookingNode(14);
  const { clock, queue, view } = parts;
  const far = others[11] ?? assert.fail();
  for (const peer of others.slice(3)) if (peer !== far) holding.delete(peer);
  const tick = async (): Promise<number> => {
    view.tick();
    await looks.lookIfDue(AbortSignal.any([]));
    return [...queue.addresses()].length;
  };
  const looks = createLooks({ ...parts, limits: { ...limits, settleMs: 0 }, unwilling, queued: () => {} });
  assert.equal(await tick(), 0);
  views.setState(far, "suspected");
  views.confirm(far, true);
  await tick();
  await clock.advance(limits.repairDelayMs.enough);
  await tick();
  await clock.advance(limits.turnMs);
  assert.equal(await tick(), 1);
});

test("a node that gives no proof of its copy holds up no look", async () => {
  const { parts, others } = await lookingNode(8);
  const { clock, store, reminders } = parts;
  const [self, [address]] = [others[6], [...store.addresses()]];
  assert.ok(self !== undefined && address !== undefined);
  let asked = 0;
  const audit = (): Promise<never> => {
    asked += 1;
    return new Promise(() => {});
  };
  const peers = { ...parts.peers, self };
  const looks = createLooks({ ...parts, peers, limits: { ...limits, settleMs: 0 }, unwilling, queued: () => {}, auditor: { audit } });
  await looks.lookIfDue(AbortSignal.any([]));
  await clock.advance(limits.trimAfterMs);
  let ended = false;
  void looks.lookIfDue(AbortSignal.any([])).then(() => {
    ended = true;
  });
  await clock.advance(limits.tickMs);
  assert.ok(asked > 0 && ended);
  assert.equal(reminders.get(address)?.kind, "again", "and it is tried again");
});
