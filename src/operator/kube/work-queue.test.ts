// Proves the queue's promises: a key waits once, is never with two workers, comes again when it was added meanwhile, the
// important go first, failing ones wait longer, and nothing is lost. Method: random histories (fast-check) against a model,
// and single stories, in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { silentQueueMetrics } from "../../../test/support/kube-silence.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { createKubeMetrics } from "./metrics.ts";
import { createWorkQueue, lowPriority, type WorkQueue } from "./work-queue.ts";

function make(keysMax = 1000): { clock: VirtualClock; queue: WorkQueue } {
  const clock = createVirtualClock();
  return { clock, queue: createWorkQueue({ name: "test", clock, metrics: silentQueueMetrics }, { keysMax }) };
}

type Step =
  | { readonly kind: "add"; readonly key: string; readonly priority: number; readonly afterMs: number }
  | { readonly kind: "take" | "done" }
  | { readonly kind: "wait"; readonly ms: number };

const key = fc.constantFrom("a", "b", "c", "d");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      key,
      priority: fc.constantFrom(0, lowPriority, 10),
      afterMs: fc.constantFrom(0, 0, 10, 500),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("take" as const, "done" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(600) }) },
);

test("in any history no key has two workers and every addition is followed by a taking", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (history) => {
      const { clock, queue } = make();
      const working: string[] = [];
      const owed = new Set<string>();
      const take = async (): Promise<boolean> => {
        if (queue.size().ready === 0) return false;
        const taken = await queue.take();
        assert.ok(taken);
        assert.equal(working.includes(taken.key), false, `${taken.key} has two workers`);
        assert.equal(owed.delete(taken.key), true, `${taken.key} was taken though nobody added it`);
        working.push(taken.key);
        return true;
      };
      const done = (): void => {
        const finished = working.shift();
        if (finished !== undefined) queue.done(finished);
      };
      for (const one of history) {
        if (one.kind === "add") {
          queue.add(one.key, one);
          owed.add(one.key);
        } else if (one.kind === "wait") await clock.advance(one.ms);
        else if (one.kind === "take") await take();
        else done();
      }
      await clock.advance(1000);
      while (queue.size().ready > 0 || working.length > 0) {
        await take();
        done();
      }
      assert.deepEqual([...owed], []);
      assert.deepEqual(queue.size(), { ready: 0, delayed: 0, working: 0 });
    }),
    { numRuns: 300, seed: 6 },
  );
});

test("the higher priority goes first, then who came first; a key that waits can be raised", async () => {
  const { queue } = make();
  for (const key of ["a", "b", "c"]) queue.add(key, { priority: lowPriority });
  queue.add("d");
  queue.add("c");
  queue.add("d", { priority: lowPriority });
  const order = [];
  for (let n = 0; n < 4; n += 1) order.push((await queue.take())?.key);
  assert.deepEqual(order, ["d", "c", "a", "b"]);
});

test("a restart's thousand keys do not delay a change", async () => {
  const { queue } = make();
  for (let n = 0; n < 900; n += 1) queue.add(`start-${n}`, { priority: lowPriority });
  queue.add("changed");
  assert.equal((await queue.take())?.key, "changed");
});

test("a key added while it is worked on comes once more, however often it was added", async () => {
  const { clock, queue } = make();
  queue.add("a");
  assert.equal((await queue.take())?.key, "a");
  for (let n = 0; n < 5; n += 1) queue.add("a", { priority: lowPriority });
  assert.equal(queue.size().ready, 0);
  queue.done("a");
  assert.deepEqual(await queue.take(), { key: "a", priority: lowPriority });
  queue.done("a");
  await clock.advance(10_000);
  assert.equal(queue.size().ready, 0);
});

test("failures wait 5 ms doubled up to 1,000 s, and begin anew once forgotten", () => {
  const { queue } = make();
  const waits = Array.from({ length: 20 }, () => queue.addFailed("a"));
  assert.deepEqual(waits.slice(0, 4), [5, 10, 20, 40]);
  assert.deepEqual(waits.slice(17), [655_360, 1_000_000, 1_000_000]);
  assert.equal(queue.failures("a"), 20);
  queue.forget("a");
  assert.equal(queue.addFailed("a"), 5);
});

test("of two planned returns the earlier counts, and a change comes before both", async () => {
  const { clock, queue } = make();
  queue.add("a", { afterMs: 5000 });
  queue.add("a", { afterMs: 1000 });
  queue.add("a", { afterMs: 9000 });
  await clock.advance(999);
  assert.equal(queue.size().ready, 0);
  await clock.advance(1);
  assert.equal(queue.size().ready, 1);
  queue.add("b", { afterMs: 5000, priority: lowPriority });
  queue.add("b");
  assert.deepEqual(
    [await queue.take(), await queue.take()].map((taken) => taken?.key),
    ["a", "b"],
  );
  queue.done("a");
  queue.done("b");
  await clock.advance(20_000);
  assert.deepEqual(queue.size(), { ready: 0, delayed: 0, working: 0 });
});

test("workers wait for keys; a worker that leaves passes its wake-up on; closing sends all home", async () => {
  const { queue } = make();
  const leaving = new AbortController();
  const first = queue.take(leaving.signal);
  const second = queue.take();
  queue.add("a");
  leaving.abort();
  assert.equal(await first, undefined);
  assert.equal((await second)?.key, "a");
  const third = queue.take();
  queue.close();
  assert.equal(await third, undefined);
  assert.equal(queue.add("b"), false);
});

test("a queue with too many different keys refuses new ones and keeps those it has", () => {
  const { queue } = make(2);
  assert.deepEqual([queue.add("a"), queue.add("b", { afterMs: 5 }), queue.add("c"), queue.add("a")], [true, true, false, true]);
});

test("the metrics have controller-runtime's names, labels and buckets", async () => {
  const registry = createMetricsRegistry({ processMetrics: false });
  const clock = createVirtualClock();
  const queue = createWorkQueue({ name: "shops", clock, metrics: createKubeMetrics(registry).queue("shops") });
  queue.add("a");
  queue.add("b", { priority: lowPriority });
  queue.add("c", { afterMs: 1000 });
  await clock.advance(50);
  await queue.take();
  await clock.advance(3000);
  const text = await registry.text();
  for (const line of [
    'workqueue_depth{name="shops",controller="shops",priority="0"} 1',
    'workqueue_depth{name="shops",controller="shops",priority="-100"} 1',
    'workqueue_adds_total{name="shops",controller="shops"} 3',
    'workqueue_retries_total{name="shops",controller="shops"} 1',
    'workqueue_unfinished_work_seconds{name="shops",controller="shops"} 3',
    'workqueue_longest_running_processor_seconds{name="shops",controller="shops"} 3',
    'workqueue_queue_duration_seconds_bucket{le="0.1",name="shops",controller="shops"} 1',
  ]) {
    assert.ok(text.split("\n").includes(line), `${line}\nin\n${text}`);
  }
  assert.equal(text.match(/^workqueue_queue_duration_seconds_bucket/gm)?.length, 13, "twelve buckets and +Inf");
});
