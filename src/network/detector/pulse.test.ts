// Proves what the detector does without sockets and threads: everybody routes round a dead, frozen or cut-off node within
// 20 ms of virtual time, takes that back at once, and believes nothing forged, replayed, shouted or broken.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { sealBeat, type Word } from "../../protocol/heartbeat.ts";
import { seededRandom } from "../../runtime/random.ts";
import type { PulseEvent } from "./pulse.ts";
import { createPulseFarm, type FarmNode, type PulseFarm } from "./pulse-fixture.ts";
import { createWatchRing } from "./watch-ring.ts";

const count = (node: FarmNode | undefined, holds: (event: PulseEvent) => boolean): number => node?.events.filter(holds).length ?? 0;
const dropped = (node: FarmNode | undefined, reason: string): number =>
  count(node, (event) => event.kind === "dropped" && event.reason === reason);
const nodeOf = (farm: PulseFarm, index: number): FarmNode => {
  const node = farm.nodes[index];
  assert.ok(node !== undefined);
  return node;
};
const others = (farm: PulseFarm, target: number): readonly number[] => farm.nodes.map(({ index }) => index).filter((i) => i !== target);

/** How long after now each other node routes round `target`, milliseconds. */
function latencies(farm: PulseFarm, target: number): readonly number[] {
  const startMs = farm.nowMs();
  farm.run(60);
  return others(farm, target).map((index) => {
    const entry = nodeOf(farm, index).board.get(target);
    assert.ok(entry?.hint === "silent" || entry?.hint === "told", `${index} still uses ${target}`);
    return entry.atMs - startMs;
  });
}

test("a quiet farm suspects nobody in a minute", () => {
  const farm = createPulseFarm({ count: 3, profile: "lan" });
  farm.run(60_000);
  assert.ok(farm.nodes.every((node) => node.events.every(({ kind }) => kind !== "suspected")));
});

for (const way of ["dead", "frozen", "cut"] as const)
  test(`in the cluster profile all others, a gateway too, route round a node that is ${way} within 20 ms, and back within 100 ms`, () => {
    for (let round = 0; round < 8; round += 1) {
      const farm = createPulseFarm({ count: 9, profile: "cluster", seed: round, gateway: true });
      farm.run(500 + round * 1.7);
      const target = round % 8;
      const node = nodeOf(farm, target);
      const intact = farm.link();
      if (way === "cut") farm.setLink((from, to) => (from === target || to === target ? { lost: true, delayMs: 0 } : intact(from, to)));
      else node[way] = true;
      const noticed = latencies(farm, target);
      for (const ms of noticed) assert.ok(ms <= 20, `${ms} ms`);
      assert.ok(Math.max(...noticed) - Math.min(...noticed) <= 1, "who is told does not wait for its own next beat");
      assert.deepEqual(
        others(farm, target).filter((other) => farm.avoiders(other).some((by) => by !== target)),
        [],
        "nobody else is suspected by those who live",
      );
      if (way === "dead") continue;
      farm.setLink(intact);
      node.frozen = false;
      farm.run(100);
      assert.deepEqual(farm.avoiders(target), []);
      farm.run(500);
      assert.ok(farm.nodes.every(({ index }) => farm.avoiders(index).length === 0));
    }
  });

test("a node whose connections close before its silence is long enough is told of to those whose connection still stands", () => {
  for (let round = 0; round < 8; round += 1) {
    const farm = createPulseFarm({ count: 9, profile: "cluster", seed: round, gateway: true });
    farm.run(500 + round * 1.7);
    nodeOf(farm, round).dead = true;
    farm.run(2);
    // Those who watch it see it first, and the gateway not at all.
    for (const { index, pulse } of farm.nodes)
      if (index < 8 && index !== round && pulse.closeSession(nodeOf(farm, round).subject)) pulse.afterPoll();
    const noticed = latencies(farm, round);
    assert.ok(Math.max(...noticed) <= 18, `${noticed} ms`);
  }
});

test("a connection that closes between two who live makes nobody suspected, and they watch each other again after the next", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(500);
  const [a, b] = [nodeOf(farm, 2), nodeOf(farm, 5)];
  a.pulse.closeSession(b.subject);
  b.pulse.closeSession(a.subject);
  farm.run(2_000);
  assert.ok(farm.nodes.every(({ index, events }) => farm.avoiders(index).length === 0 && events.every(({ kind }) => kind !== "suspected")));
  farm.connect(2, 5);
  farm.run(500);
  a.dead = true;
  for (const ms of latencies(farm, 2)) assert.ok(ms <= 20, `${ms} ms`);
});

for (const profile of ["cluster", "lan"] as const)
  test(`in the ${profile} profile nobody is suspected while every third datagram of each pair is lost`, () => {
    const farm = createPulseFarm({ count: 8, profile });
    farm.run(200);
    const intact = farm.link();
    const passed = new Map<string, number>();
    farm.setLink((from, to) => {
      const count = (passed.get(`${from} ${to}`) ?? 0) + 1;
      passed.set(`${from} ${to}`, count);
      return { ...intact(from, to), lost: count % 3 === 0 };
    });
    farm.run(10_000);
    assert.ok(passed.size > 0);
    assert.ok(farm.nodes.every((node) => node.events.every(({ kind }) => kind !== "suspected")));
  });

test("a broken path between two is overruled by the watchers that hear the node", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const target = nodeOf(farm, 0);
  const watcher = farm.nodes.find(({ subject }) => ring.watchersOf(target.subject).includes(subject));
  assert.ok(watcher !== undefined);
  const intact = farm.link();
  farm.setLink((from, to) => (from === 0 && to === watcher.index ? { lost: true, delayMs: 0 } : intact(from, to)));
  farm.run(200);
  assert.deepEqual(farm.avoiders(0), [watcher.index]);
  farm.run(5_000);
  assert.deepEqual(farm.avoiders(0), [watcher.index]);
  farm.setLink(intact);
  farm.run(100);
  assert.deepEqual(farm.avoiders(0), []);
});

test("who loses the word that a suspicion was taken back hears it again within 75 ms", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const target = nodeOf(farm, 0);
  const watchers = ring.watchersOf(target.subject);
  const told = farm.nodes.find(({ subject, index }) => index !== 0 && !watchers.includes(subject));
  assert.ok(told !== undefined);
  target.frozen = true;
  farm.run(30);
  assert.ok(farm.avoiders(0).includes(told.index));
  const intact = farm.link();
  target.frozen = false;
  farm.setLink((from, to) => ({ ...intact(from, to), lost: to === told.index && from !== 0 }));
  farm.run(16);
  assert.deepEqual(farm.avoiders(0), [told.index]);
  farm.setLink(intact);
  farm.run(60);
  assert.deepEqual(farm.avoiders(0), []);
});

test("a watcher that stood still accuses nobody and counts its own lateness", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const late = nodeOf(farm, 3);
  late.frozen = true;
  farm.run(40);
  late.frozen = false;
  farm.run(1_000);
  assert.equal(
    count(late, ({ kind }) => kind === "suspected"),
    0,
  );
  assert.ok(farm.nodes.every(({ index }) => farm.avoiders(index).length === 0));
});

test("a watcher too late itself to judge takes the word of one that is not, and uses the node again with its next heartbeat", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const target = nodeOf(farm, 5);
  const late = farm.nodes.filter(({ subject }) => ring.isWatcher(subject, target.subject)).slice(0, 3);
  for (const node of late) node.lateMs = 5;
  farm.run(200);
  target.frozen = true;
  for (const ms of latencies(farm, 5)) assert.ok(ms <= 20, `${ms} ms`);
  assert.ok(late.every(({ board }) => board.get(5)?.hint === "told"));
  target.frozen = false;
  farm.run(100);
  assert.deepEqual(farm.avoiders(5), []);
});

test("a node that slept forgets what it suspected", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const sleeper = nodeOf(farm, 3);
  nodeOf(farm, 4).dead = true;
  farm.run(100);
  assert.ok(farm.avoiders(4).includes(3));
  sleeper.frozen = true;
  farm.run(5_000);
  sleeper.frozen = false;
  sleeper.inbox.length = 0;
  farm.run(10);
  assert.equal(sleeper.board.get(4)?.hint, "lapsed");
  assert.equal(
    count(sleeper, ({ kind }) => kind === "paused"),
    1,
  );
});

test("a flapping node is damped, yet serves again within 100 ms", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  const node = nodeOf(farm, 2);
  let writes = 0;
  for (let i = 0; i < 40; i += 1) {
    node.frozen = true;
    farm.run(22);
    node.frozen = false;
    node.inbox.length = 0;
    farm.run(12);
    writes = count(nodeOf(farm, 5), ({ kind }) => kind === "suspected");
  }
  assert.ok(writes < 30, `${writes} suspicions of 40 freezes at one watcher`);
  farm.run(100);
  assert.deepEqual(farm.avoiders(2), []);
});

test("forged, replayed, truncated, oversized and garbage datagrams are dropped by reason and are no sign of life", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(100);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const victim = nodeOf(farm, 1);
  const watcher = farm.nodes.find(({ subject }) => ring.watchersOf(victim.subject).includes(subject));
  assert.ok(watcher !== undefined);
  const genuine = farm.sent.filter(({ from, to }) => from === victim.index && to === watcher.index).map(({ bytes }) => bytes);
  const last = genuine.at(-1);
  assert.ok(last !== undefined && genuine.length > 5);
  victim.dead = true;
  farm.run(5);
  const bent = Buffer.from(last);
  bent.writeUIntBE(99_999, 8, 6);
  const random = seededRandom(5);
  for (let i = 0; i < 20; i += 1) {
    for (const bytes of genuine.slice(-5)) farm.inject(watcher.index, bytes);
    farm.inject(watcher.index, bent);
    farm.inject(watcher.index, last.subarray(0, last.length - 1));
    farm.inject(watcher.index, Buffer.concat([last, last, ...Array.from({ length: 20 }, () => last)]));
    farm.inject(watcher.index, Buffer.alloc(0));
    farm.inject(watcher.index, Buffer.from(random.bytes(34)));
    farm.run(2);
  }
  assert.equal(dropped(watcher, "replayed"), 100);
  assert.equal(dropped(watcher, "forged"), 20);
  assert.equal(dropped(watcher, "length"), 60);
  assert.ok(dropped(watcher, "format") + dropped(watcher, "session") >= 20);
  assert.equal(farm.avoiders(victim.index).length, 7);
});

test("a flood of forged datagrams costs a bounded number of tags", () => {
  const farm = createPulseFarm({ count: 4, profile: "lan" });
  farm.run(100);
  const [genuine] = farm.sent.filter(({ to }) => to === 0);
  assert.ok(genuine !== undefined);
  const bent = Buffer.from(genuine.bytes);
  bent.writeUIntBE(99_999, 8, 6);
  for (let i = 0; i < 5_000; i += 1) farm.inject(0, bent);
  assert.ok(dropped(farm.nodes[0], "forged") <= 500 && dropped(farm.nodes[0], "flood") >= 4_500);
});

test("who floods its own session with forged datagrams silences nobody else", () => {
  const farm = createPulseFarm({ count: 4, profile: "lan" });
  farm.run(100);
  const bent = Buffer.from(farm.sent.find(({ from, to }) => from === 3 && to === 0)?.bytes ?? assert.fail("nothing was sent"));
  bent.writeUIntBE(99_999, 8, 6);
  for (let ms = 0; ms < 400; ms += 5) {
    for (let i = 0; i < 60; i += 1) farm.inject(0, bent);
    farm.run(5);
  }
  assert.ok(dropped(farm.nodes[0], "flood") > 1_000);
  for (const target of [1, 2]) assert.deepEqual(farm.avoiders(target), [], `${target} is routed round`);
});

test("property: no bytes, and no change of a genuine datagram, make a pulse throw or believe", () => {
  const farm = createPulseFarm({ count: 4, profile: "lan" });
  farm.run(200);
  const genuine = farm.sent.filter(({ to }) => to === 0).at(-1)?.bytes ?? Buffer.alloc(0);
  const node = nodeOf(farm, 0);
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 600 }), fc.tuple(fc.nat(genuine.length - 1), fc.integer({ min: 1, max: 255 }))),
      (input) => {
        const bytes = Buffer.from(input instanceof Uint8Array ? input : genuine);
        if (!(input instanceof Uint8Array)) bytes[input[0]] = (bytes[input[0]] ?? 0) ^ input[1];
        const before = count(node, ({ kind }) => kind === "dropped");
        farm.inject(0, bytes);
        assert.equal(
          count(node, ({ kind }) => kind === "dropped"),
          before + 1,
        );
        farm.run(1);
      },
    ),
  );
});

/** A datagram of words that `from` itself seals, with its own key and the next number: what a lying node can send. */
function lie(farm: PulseFarm, { from, to }: { from: number; to: number }, word: Word): void {
  const session = farm.sentTerms(from, to);
  session.sequence += 1;
  const beat = { session: session.sendAs, sequence: 1_000_000 + session.sequence, intervalMs: 5, lateMs: 0, words: [word] };
  farm.inject(to, Buffer.from(sealBeat(beat, session.key)));
}

test("words about a node by one that does not watch it are not believed", () => {
  const farm = createPulseFarm({ count: 12, profile: "cluster" });
  farm.run(100);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const victim = nodeOf(farm, 0);
  const stranger = farm.nodes.find(({ subject, index }) => index !== 0 && !ring.isWatcher(subject, victim.subject));
  const listener = farm.nodes.find(
    ({ subject, index }) => index !== 0 && index !== stranger?.index && !ring.isWatcher(subject, victim.subject),
  );
  assert.ok(stranger !== undefined && listener !== undefined);
  lie(farm, { from: stranger.index, to: listener.index }, { subject: victim.subject, verdict: "silent" });
  farm.run(1);
  assert.equal(dropped(listener, "word"), 1);
  assert.deepEqual(farm.avoiders(0), []);
});

test("a watcher that shouts is overruled, and beyond its rate not listened to; others' words go on counting", () => {
  const farm = createPulseFarm({ count: 12, profile: "cluster" });
  farm.run(100);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const victim = nodeOf(farm, 0);
  const shouter = farm.nodes.find(({ subject }) => ring.isWatcher(subject, victim.subject));
  assert.ok(shouter !== undefined);
  let routed = 0;
  for (let i = 0; i < 300; i += 1) {
    for (const to of others(farm, shouter.index).filter((index) => index !== 0))
      lie(farm, { from: shouter.index, to }, { subject: victim.subject, verdict: i % 2 === 0 ? "silent" : "heard" });
    farm.run(5);
    if (farm.avoiders(0).length > 0) routed += 1;
  }
  const listener = farm.nodes.find(({ subject, index }) => index !== 0 && !ring.isWatcher(subject, victim.subject));
  assert.ok(dropped(listener, "word") > 50);
  farm.run(3_000);
  assert.deepEqual(farm.avoiders(0), []);
  assert.ok(routed < 300);
  victim.dead = true;
  for (const ms of latencies(farm, 0)) assert.ok(ms <= 20);
});

/** Offences of others that a node saw, each by the sender's index and what there was too much of. */
function excesses(farm: PulseFarm, at: FarmNode): readonly string[] {
  const found = at.events.flatMap((event) => (event.kind === "excess" ? [event] : []));
  return found.map(({ subject, what }) => `${farm.nodes.findIndex((node) => node.subject === subject)} ${what}`);
}

test("suspicion spam and floods of authentic datagrams are offences of who sealed them", () => {
  const farm = createPulseFarm({ count: 12, profile: "cluster" });
  farm.run(100);
  const ring = createWatchRing(farm.nodes.map(({ subject }) => subject));
  const [listener, victim] = [nodeOf(farm, 0), nodeOf(farm, 1)];
  const spammer = farm.nodes.find(({ index, subject }) => index > 1 && !ring.isWatcher(subject, victim.subject));
  assert.ok(spammer !== undefined);
  const word: Word = { subject: victim.subject, verdict: "silent" };
  for (let i = 0; i < 1_000; i += 1) lie(farm, { from: spammer.index, to: 0 }, word);
  assert.deepEqual(excesses(farm, listener), [], "two rings that differ for a while may say as much");
  for (let i = 0; i < 1_000; i += 1) lie(farm, { from: spammer.index, to: 0 }, word);
  assert.ok(excesses(farm, listener).length >= 8);
  assert.deepEqual([...new Set(excesses(farm, listener))], [`${spammer.index} words`]);
  for (let i = 0; i < 4_000; i += 1) lie(farm, { from: spammer.index, to: 0 }, word);
  assert.ok(excesses(farm, listener).filter((text) => text === `${spammer.index} datagrams`).length >= 8);
  assert.deepEqual(farm.avoiders(victim.index), []);
});

test("what a stranger can send lowers nobody: forged and replayed datagrams are no offence of the peer they name", () => {
  const farm = createPulseFarm({ count: 4, profile: "cluster" });
  farm.run(200);
  const genuine = farm.sent.filter(({ to }) => to === 0).map(({ bytes }) => bytes);
  const [first] = genuine;
  assert.ok(first !== undefined);
  const bent = Buffer.from(first);
  bent.writeUIntBE(99_999, 8, 6);
  for (let round = 0; round < 20; round += 1) {
    for (let i = 0; i < 400; i += 1) farm.inject(0, bent);
    for (const bytes of genuine) farm.inject(0, bytes);
    farm.run(200);
  }
  assert.ok(dropped(farm.nodes[0], "forged") > 5_000 && dropped(farm.nodes[0], "replayed") > 1_000);
  assert.deepEqual(excesses(farm, nodeOf(farm, 0)), []);
});

test("an honest farm commits none: nodes that flap, stall and die, for a minute", () => {
  const farm = createPulseFarm({ count: 12, profile: "cluster" });
  const [flapper, sleeper, victim] = [nodeOf(farm, 1), nodeOf(farm, 2), nodeOf(farm, 3)];
  for (let round = 0; round < 600; round += 1) {
    flapper.frozen = round % 2 === 0;
    sleeper.lateMs = round % 7 === 0 ? 60 : 0;
    if (round === 300) victim.dead = true;
    farm.run(100);
  }
  assert.deepEqual(
    farm.nodes.flatMap((node) => excesses(farm, node)),
    [],
  );
});

test("keys change under way without a suspicion", () => {
  const farm = createPulseFarm({ count: 8, profile: "cluster" });
  farm.run(200);
  for (let a = 0; a < 8; a += 1)
    for (let b = a + 1; b < 8; b += 1) {
      farm.connect(a, b);
      farm.run(3);
    }
  farm.run(500);
  assert.ok(farm.nodes.every((node) => node.events.every(({ kind }) => kind !== "suspected")));
});

test("nodes that come and go change who watches whom without a suspicion", () => {
  const farm = createPulseFarm({ count: 12, profile: "cluster" });
  farm.run(200);
  const leaver = nodeOf(farm, 6);
  // They learn it one after another, as gossip does.
  for (const { pulse } of farm.nodes) {
    pulse.setNodes({ added: [], removed: [leaver.subject] });
    farm.run(40);
  }
  leaver.dead = true;
  farm.run(500);
  for (const { pulse } of farm.nodes) {
    pulse.setNodes({ added: [{ subject: leaver.subject, slot: 6 }], removed: [] });
    farm.run(40);
  }
  assert.ok(farm.nodes.every((node) => node.events.every(({ kind }) => kind !== "suspected")));
});

test("in the wan profile loss and jitter of a bad path cause no suspicion once it is known, and a death still shows", () => {
  const farm = createPulseFarm({ count: 5, profile: "wan", rttMs: 120 });
  const random = seededRandom(3);
  farm.setLink(() => ({ lost: random.fraction() < 0.02, delayMs: 60 + random.fraction() ** 4 * 150 }));
  farm.run(60_000);
  const before = farm.nodes.map((node) => count(node, ({ kind }) => kind === "suspected"));
  farm.run(120_000);
  const later = farm.nodes.map((node, index) => count(node, ({ kind }) => kind === "suspected") - (before[index] ?? 0));
  assert.ok(later.reduce((sum, n) => sum + n, 0) <= 1, `${later} suspicions in two minutes`);
  nodeOf(farm, 2).dead = true;
  farm.run(5_000);
  assert.equal(farm.avoiders(2).length, 4);
});

test("property: in the ring every node has as many watchers as it watches, the same for all orders of learning", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 40 }), (names) => {
      const ring = createWatchRing(names);
      const expected = Math.min(4, names.length - 1);
      assert.deepEqual(createWatchRing([...names].reverse()).order, ring.order);
      for (const name of names) {
        const watchers = ring.watchersOf(name);
        assert.equal(new Set(watchers).size, expected);
        assert.ok(!watchers.includes(name) && watchers.every((watcher) => ring.isWatcher(watcher, name)));
        assert.equal(ring.watchedBy(name).length, expected);
        assert.ok(ring.watchedBy(name).every((watched) => ring.watchersOf(watched).includes(name)));
        assert.equal(names.filter((other) => ring.isWatcher(other, name)).length, expected);
      }
    }),
  );
});
