// Proves the small judges of membership, each on its own: standing and rate, departures, the identity clash, the pause
// watch, the waits between attempts.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { addressFromBytes } from "../../protocol/address.ts";
import { signingKeyFromSeed } from "../../protocol/keys.ts";
import type { Goodbye } from "../../protocol/messages/goodbye.ts";
import { createNodeRecord, type NodeRecord } from "../../protocol/node-record.ts";
import { type PeerId, peerIdFromPublicKey } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import { createDepartures } from "./departures.ts";
import { membershipLimits as limits } from "./membership-limits.ts";
import { judgeClash } from "./own-node.ts";
import { createPauseWatch, type Pause } from "./pause-watch.ts";
import { type AttemptOutcome, createReacher } from "./reacher.ts";
import { createStanding } from "./standing.ts";

const peerOf = (n: number): PeerId => peerIdFromPublicKey(signingKeyFromSeed(new Uint8Array(32).fill(n)).publicKey);
const peer = peerOf(1);

test("offences block a peer for a while; spread over a long time they do not", () => {
  const standing = createStanding(limits);
  for (let i = 1; i < limits.offencesMax; i++) assert.equal(standing.offend(peer, i), false);
  assert.equal(standing.isBlocked(peer, 10), false);
  assert.equal(standing.offend(peer, 10), true);
  assert.ok(standing.isBlocked(peer, 10) && standing.isBlocked(peer, 9 + limits.blockMs));
  assert.equal(standing.isBlocked(peer, 10 + limits.blockMs), false);
  for (let i = 0; i < 50; i++) assert.equal(standing.offend(peerOf(2), i * (limits.blockMs + 1)), false);
});

test("pushes beyond the burst wait for the rate, and one peer's flood is not another's", () => {
  const standing = createStanding(limits);
  assert.equal(standing.mayPush(peer, limits.pushBurstBytes, 0), true);
  assert.equal(standing.mayPush(peer, 1, 0), false);
  assert.equal(standing.mayPush(peerOf(2), 1, 0), true);
  assert.equal(standing.mayPush(peer, limits.pushBytesPerSecond, 999), false);
  assert.equal(standing.mayPush(peer, limits.pushBytesPerSecond, 1000), true);
});

test("what is pushed beyond the rate may be ignored for long, questions may be asked in rounds; then neither", () => {
  const standing = createStanding(limits);
  assert.equal(standing.mayIgnore(peer, limits.ignoredBurstBytes, 0), true);
  assert.equal(standing.mayIgnore(peer, 1, 0), false);
  assert.equal(standing.mayIgnore(peer, limits.ignoredBytesPerSecond, 1000), true);
  for (let asked = 0; asked < limits.questionBurst; asked += 1) assert.equal(standing.mayAsk(peer, 0), true);
  assert.equal(standing.mayAsk(peer, 0), false);
  assert.equal(standing.mayAsk(peerOf(2), 0), true);
  assert.equal(standing.mayAsk(peer, 1000), true);
});

test("a goodbye counts once, for what was signed before it, and leaving outranks away", () => {
  const forgotten: PeerId[] = [];
  const departures = createDepartures(2, (gone) => forgotten.push(gone));
  const away: Goodbye = { peerId: peer, startCounter: 1, sequence: 5, departure: { kind: "away", backInMs: 100 } };
  const bytes = new Uint8Array(0);
  assert.ok(departures.add(away, bytes, 0));
  assert.equal(departures.add(away, bytes, 50), false);
  assert.ok(departures.covers(peer, { startCounter: 1, sequence: 5 }) && !departures.covers(peer, { startCounter: 1, sequence: 6 }));
  assert.deepEqual([departures.overdue(99), departures.overdue(100)], [[], [peer]]);
  assert.equal(departures.add({ ...away, departure: { kind: "leaving" } }, bytes, 0), false, "the same words convince no more");
  assert.ok(departures.add({ ...away, departure: { kind: "leaving" } }, Uint8Array.of(1), 0));
  assert.deepEqual(departures.overdue(1e9), []);
  for (const n of [2, 3]) departures.add({ ...away, peerId: peerOf(n) }, bytes, 0);
  assert.deepEqual(forgotten, [peer]);
});

test("of two processes with one identity both sides name the same one to stop", () => {
  const record = (startCounter: number, sequence: number, libp2p: number): NodeRecord =>
    createNodeRecord(addressFromBytes(new Uint8Array(32)), signingKeyFromSeed(new Uint8Array(32)), {
      addresses: [{ ip: "10.0.0.1", libp2p, lane: 0, heartbeat: 0 }],
      domain: { region: "", zone: "", host: "" },
      software: "",
      startCounter,
      sequence,
      signedAtMs: 0,
      vaults: [],
    });
  assert.equal(judgeClash(record(2, 1, 4001), record(3, 1, 4002)).kind, "stop");
  assert.equal(judgeClash(record(3, 1, 4001), record(2, 9, 4002)).kind, "ignore", "the older of the two will see ours");
  const [low, high] = [record(2, 1, 4001), record(2, 7, 4002)];
  assert.deepEqual([judgeClash(low, high).kind, judgeClash(high, low).kind], ["stop", "renew"]);
  assert.equal(judgeClash(record(2, 5, 4001), record(2, 4, 4001)).kind, "ignore", "an earlier record of its own");
});

test("a late timer and a stepped wall clock are pauses, ordinary lateness is not", async () => {
  const virtual = createVirtualClock();
  let skewMs = 0;
  let heldMs = 0;
  const clock: Clock = {
    ...virtual,
    wallMs: () => virtual.wallMs() + skewMs,
    after: (delayMs, action) => virtual.after(delayMs + heldMs, action),
  };
  const pauses: Pause[] = [];
  let ticks = 0;
  const watch = createPauseWatch(clock, limits, { pause: (pause) => pauses.push(pause), tick: () => (ticks += 1) });
  watch.start();
  await virtual.advance(2_000);
  assert.deepEqual([pauses.length, ticks], [0, 8]);
  heldMs = 1_900;
  await virtual.advance(5_000);
  assert.equal(pauses.length, 0);
  heldMs = 60_000;
  await virtual.advance(70_000);
  assert.equal(pauses.length, 1);
  assert.ok((pauses[0]?.lateMs ?? 0) > 59_000);
  heldMs = 0;
  await virtual.advance(70_000);
  const before = pauses.length;
  skewMs = -6_000;
  await virtual.advance(1_000);
  assert.equal(pauses.length, before + 1);
  assert.equal(pauses.at(-1)?.wallStepMs, -6_000);
  watch.stop();
});

test("a node is tried at once, then every second or two for ever, a hundred of them more rarely, and few at a time", async () => {
  const run = async (nodes: number): Promise<{ perNode: number; mostAtOnce: number }> => {
    const clock = createVirtualClock();
    let tries = 0;
    let running = 0;
    let mostAtOnce = 0;
    const attempt = async (): Promise<"failed"> => {
      tries += 1;
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      await clock.sleep(5);
      running -= 1;
      return "failed";
    };
    const reacher = createReacher({ clock, random: seededRandom(1), attempt }, limits);
    for (let n = 0; n < nodes; n++) reacher.reach(peerOf(n));
    await clock.advance(60_000);
    reacher.stop();
    const stopped = tries;
    await clock.advance(60_000);
    assert.equal(tries, stopped);
    return { perNode: tries / nodes, mostAtOnce };
  };
  const [one, hundred] = [await run(1), await run(100)];
  assert.ok(one.perNode > 30 && one.perNode < 60, `${one.perNode} a minute`);
  assert.ok(hundred.perNode < 20 && hundred.mostAtOnce <= limits.attemptsMax, JSON.stringify(hundred));
});

test("an attempt is told for how long there were only vain ones, counted anew once a connection was given up or an answer came", async () => {
  const clock = createVirtualClock();
  const told: number[] = [];
  const attempt = async (_peer: PeerId, failingMs: number): Promise<AttemptOutcome> => {
    told.push(failingMs);
    return failingMs >= limits.deafMs ? "cut" : "failed";
  };
  const reacher = createReacher({ clock, random: seededRandom(1), attempt }, limits);
  reacher.reach(peerOf(1));
  await clock.advance(limits.deafMs * 1.5);
  const cut = told.findIndex((ms) => ms >= limits.deafMs);
  assert.ok(cut > 3 && told.slice(1, cut + 1).every((ms, i) => ms > (told[i] ?? 0) || i === 0), told.join());
  assert.deepEqual([told[0], told[cut + 1]], [0, 0]);
  reacher.settle(peerOf(1));
  reacher.reach(peerOf(1));
  await clock.advance(1);
  assert.equal(told.at(-1), 0, "one that was heard meanwhile begins anew");
  reacher.stop();
});
