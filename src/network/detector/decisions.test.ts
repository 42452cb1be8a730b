// Proves the detector's pure decisions one by one: when a silence is too long, what own lateness excuses, how the window of a
// slow path follows what is seen, and how words of watchers weigh against each other.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../runtime/random.ts";
import { adaptiveIntervalMs, adaptiveWindowMs, createPathEstimate, normalQuantile, windowMaxMs } from "./adaptive-window.ts";
import { createClaimBook, wordValidMs } from "./claim-book.ts";
import { createFalseCauses } from "./false-causes.ts";
import { profileOf } from "./profiles.ts";
import { createWatchBook, type WatchBook } from "./watch-book.ts";

const cluster = profileOf("cluster");
const node = "subject1";
const watching = (): WatchBook => {
  const book = createWatchBook(cluster);
  book.begin(node);
  return book;
};

test("a node never heard is never suspected; one heard is once the window has passed, and not before", () => {
  const book = watching();
  assert.equal(book.deadlineMs(), Number.POSITIVE_INFINITY);
  assert.deepEqual(book.overdue(1e9), []);
  book.heard(node, { sequence: 1, intervalMs: 8 }, 100);
  assert.equal(book.deadlineMs(), 118);
  assert.deepEqual([book.overdue(117.9), book.overdue(118)], [[], [node]]);
  assert.deepEqual(book.judge([node], 118, 0).suspected, [{ subject: node, silentMs: 18 }]);
  assert.ok(book.isSuspected(node));
  assert.ok(book.heard(node, { sequence: 2, intervalMs: 8 }, 130));
  assert.ok(!book.isSuspected(node));
});

test("a heartbeat read between the two looks clears its node; own lateness gives a third of a window, or counts as one's own fault", () => {
  const book = watching();
  book.heard(node, { sequence: 1, intervalMs: 8 }, 100);
  const candidates = book.overdue(120);
  book.heard(node, { sequence: 2, intervalMs: 8 }, 120);
  assert.deepEqual(book.judge(candidates, 120, 0), { suspected: [], selfLate: false, spared: [] });
  assert.deepEqual(book.judge(book.overdue(139), 139, 4.5), { suspected: [], selfLate: false, spared: [node] });
  assert.ok(book.isSpared(node, 144) && !book.isSpared(node, 150));
  assert.equal(book.deadlineMs(), 145);
  assert.deepEqual(book.judge(book.overdue(150), 150, 9.5), { suspected: [], selfLate: true, spared: [node] });
  assert.equal(book.judge(book.overdue(156), 156, 0).suspected.length, 1);
});

test("another watcher's word shortens the window, and a peer's claimed interval is bounded", () => {
  const book = watching();
  book.heard(node, { sequence: 1, intervalMs: 8 }, 100);
  book.hint(node, true);
  assert.equal(book.deadlineMs(), 112);
  book.hint(node, false);
  for (const claimed of [0, 65_535]) {
    book.heard(node, { sequence: 2, intervalMs: claimed }, 200);
    assert.ok(book.deadlineMs() >= 218 && book.deadlineMs() <= 200 + windowMaxMs);
  }
});

test("property: whatever is heard when, a suspicion stands only after a whole window of silence and with own lateness small", () => {
  const step = fc.record({
    ms: fc.double({ min: 0.1, max: 40, noNaN: true }),
    beat: fc.boolean(),
    lateMs: fc.double({ min: 0, max: 20, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const book = watching();
      let [nowMs, lastMs, sequence] = [0, Number.POSITIVE_INFINITY, 0];
      for (const { ms, beat, lateMs } of steps) {
        nowMs += ms;
        if (beat) {
          sequence += 1;
          lastMs = nowMs;
          book.heard(node, { sequence, intervalMs: 8 }, nowMs);
        }
        for (const { silentMs } of book.judge(book.overdue(nowMs), nowMs, lateMs).suspected) {
          assert.ok(silentMs >= cluster.windowMs && Math.abs(silentMs - (nowMs - lastMs)) < 1e-9 && lateMs <= 4);
        }
      }
    }),
  );
});

test("property: the adaptive window is longer for more jitter, loss and interval, and stays within its bounds", () => {
  const path = fc.record({
    intervalMs: fc.integer({ min: 1, max: 1_000 }),
    jitterMs: fc.double({ min: 0, max: 500, noNaN: true }),
    worstMs: fc.double({ min: 0, max: 2_000, noNaN: true }),
    lossRate: fc.double({ min: 0, max: 0.5, noNaN: true }),
  });
  fc.assert(
    fc.property(path, fc.constantFrom("jitterMs" as const, "worstMs" as const, "lossRate" as const), (view, which) => {
      const windowMs = adaptiveWindowMs(view, 350);
      assert.ok(windowMs >= 350 && windowMs <= windowMaxMs);
      assert.ok(adaptiveWindowMs({ ...view, [which]: view[which] * 1.5 }, 350) >= windowMs);
    }),
  );
  assert.equal(adaptiveWindowMs({ intervalMs: 0, jitterMs: 0, worstMs: 0, lossRate: 0 }, 350), 350);
  assert.deepEqual([adaptiveIntervalMs(10, 100), adaptiveIntervalMs(600, 100), adaptiveIntervalMs(9_000, 100)], [100, 300, 1_000]);
});

test("a path's jitter and loss are found from what arrives, and the normal quantile is that of the tables", () => {
  const random = seededRandom(4);
  const path = createPathEstimate();
  for (let sequence = 1; sequence < 3_000; sequence += 1) {
    if (random.fraction() < 0.05) continue;
    path.heard(sequence, 100, sequence * 100 + random.fraction() * 40);
  }
  const { jitterMs, lossRate, worstMs } = path.view();
  // Differences of two uniform delays of 0 to 40 ms deviate by 40 / √6.
  assert.ok(Math.abs(jitterMs - 40 / Math.sqrt(6)) < 4, `${jitterMs}`);
  assert.ok(lossRate > 0.01 && lossRate < 0.12, `${lossRate}`);
  assert.ok(worstMs > 25 && worstMs < 41);
  for (const [chance, x] of [
    [0.05, 1.6449],
    [0.001, 3.0902],
    [1e-6, 4.7534],
  ] as const)
    assert.ok(Math.abs(normalQuantile(chance) - x) < 1e-3);
});

test("words between heartbeats make a slow path look neither uneven nor lossy", () => {
  const book = createWatchBook(profileOf("wan"));
  book.begin(node);
  let sequence = 0;
  for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
    for (const word of [undefined, { subject: "other", verdict: "silent" } as const, { subject: "other", verdict: "silent" } as const]) {
      sequence += 1;
      book.heard(node, { sequence, intervalMs: 100, ...(word === undefined ? {} : { words: [word] }) }, nowMs + (sequence % 3) * 20);
    }
  }
  book.heard(node, { sequence: sequence + 1, intervalMs: 100 }, 60_000);
  assert.equal(book.deadlineMs(), 60_000 + profileOf("wan").windowMs);
});

test("two who hear a node after it was called silent overrule one, not two; words run out; nobody speaks of itself", () => {
  const claims = createClaimBook((watcher) => watcher !== "stranger");
  const say = (from: string, verdict: "silent" | "heard", nowMs: number): boolean => claims.hear(from, { subject: node, verdict }, nowMs);
  assert.ok(!say("stranger", "silent", 0) && !say(node, "silent", 0));
  assert.equal(claims.verdict(node, 0), "unheard");
  say("b", "heard", 0);
  say("a", "silent", 1);
  assert.equal(claims.verdict(node, 1), "silent");
  say("b", "heard", 2);
  assert.equal(claims.verdict(node, 2), "silent");
  say("c", "heard", 2);
  assert.equal(claims.verdict(node, 2), "heard");
  say("d", "silent", 3);
  assert.equal(claims.verdict(node, 3), "silent");
  say("d", "heard", 4);
  say("a", "heard", 4);
  assert.equal(claims.verdict(node, 4), "heard");
  assert.equal(claims.verdict(node, 5 + wordValidMs), "unheard");
});

test("a false suspicion's cause is read from the heartbeat that ends it", () => {
  const causes = createFalseCauses();
  const cause = (lateMs: number, sequence: number): string => {
    causes.suspected(node, 30);
    causes.heard(node, { session: 1, sequence, intervalMs: 8, lateMs }, 10);
    return causes.take(node);
  };
  assert.deepEqual([cause(25, 11), cause(0, 14), cause(1, 11)], ["stalled", "lost", "delayed"]);
});
