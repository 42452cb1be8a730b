// Proves that a controller reconciles what it is told, retries by the rules, survives a reconcile that throws or hangs, and
// looks at everything again from time to time. Method: real queue and controller in virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { silentLog } from "../../runtime/log.ts";
import { createMetricsRegistry } from "../../runtime/metrics-registry.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { type Controller, createController, type Outcome, type Reconcile } from "./controller.ts";
import { createKubeMetrics } from "./metrics.ts";

type World = { readonly clock: VirtualClock; readonly controller: Controller; text(): Promise<string> };

async function start(
  reconcile: Reconcile,
  options: { workers?: number; keys?: readonly string[]; resyncMs?: number } = {},
): Promise<World> {
  const clock = createVirtualClock();
  const registry = createMetricsRegistry({ processMetrics: false });
  const controller = createController(
    {
      name: "shops",
      workers: options.workers ?? 1,
      reconcile,
      timeoutMs: 60_000,
      keys: () => options.keys ?? [],
      ...(options.resyncMs === undefined ? {} : { resyncMs: options.resyncMs }),
    },
    { clock, random: seededRandom(1), log: silentLog, metrics: createKubeMetrics(registry) },
  );
  await controller.start?.(new AbortController().signal);
  await clock.advance(0);
  return { clock, controller, text: () => registry.text() };
}

/** Answers in turn, the last one for ever; says when each call was. */
function script(clock: () => number, outcomes: readonly (Outcome | Error)[]): { reconcile: Reconcile; atMs: number[] } {
  const atMs: number[] = [];
  const reconcile: Reconcile = async () => {
    const outcome = outcomes[Math.min(atMs.length, outcomes.length - 1)];
    atMs.push(clock());
    if (outcome instanceof Error) throw outcome;
    return outcome ?? { kind: "done" };
  };
  return { reconcile, atMs };
}

test("failures, throws and repeats are tried again ever later; success starts anew; hopeless waits for a change", async () => {
  const outcomes: (Outcome | Error)[] = [
    { kind: "failed", error: new Error("no") },
    new Error("thrown"),
    { kind: "again" },
    { kind: "after", delayMs: 1000 },
    { kind: "failed", error: new Error("no") },
    { kind: "hopeless", error: new Error("never") },
    { kind: "done" },
  ];
  let now = (): number => 0;
  const { reconcile, atMs } = script(() => now(), outcomes);
  const { clock, controller, text } = await start(reconcile);
  now = clock.monotonicMs;
  controller.queue.add("a");
  await clock.advance(100_000);
  assert.deepEqual(atMs, [0, 5, 15, 35, 1035, 1040]);
  controller.queue.add("a");
  await clock.advance(100_000);
  assert.equal(atMs.length, 7);
  const shown = await text();
  for (const line of [
    'controller_runtime_reconcile_total{controller="shops",result="success"} 1',
    'controller_runtime_reconcile_total{controller="shops",result="error"} 4',
    'controller_runtime_reconcile_total{controller="shops",result="requeue"} 1',
    'controller_runtime_reconcile_total{controller="shops",result="requeue_after"} 1',
    'controller_runtime_reconcile_errors_total{controller="shops"} 4',
    'controller_runtime_terminal_reconcile_errors_total{controller="shops"} 1',
    'controller_runtime_reconcile_panics_total{controller="shops"} 1',
    'controller_runtime_max_concurrent_reconciles{controller="shops"} 1',
    'controller_runtime_active_workers{controller="shops"} 0',
  ]) {
    assert.ok(shown.split("\n").includes(line), `${line}\nin\n${shown}`);
  }
  await controller.stop?.();
});

test("a reconcile that hangs is told to end, shows since when it runs, keeps its key from others, and not their keys", async () => {
  const hung = Promise.withResolvers<Outcome>();
  const calls: string[] = [];
  let told = false;
  const reconcile: Reconcile = (key, { signal }) => {
    calls.push(key);
    if (key !== "hangs") return Promise.resolve({ kind: "done" });
    signal.addEventListener("abort", () => {
      told = true;
    });
    return hung.promise;
  };
  const { clock, controller, text } = await start(reconcile, { workers: 2 });
  controller.queue.add("hangs");
  await clock.advance(10);
  for (const key of ["hangs", "b", "c"]) controller.queue.add(key);
  await clock.advance(61_000);
  assert.deepEqual(calls, ["hangs", "b", "c"]);
  assert.equal(told, true);
  const shown = await text();
  assert.match(shown, /^controller_reconcile_in_progress_start_time_seconds\{controller="shops",key="hangs"\} 1800000000$/m);
  assert.match(shown, /^controller_runtime_reconcile_timeouts_total\{controller="shops"\} 1$/m);
  hung.resolve({ kind: "done" });
  await clock.advance(0);
  assert.deepEqual(calls, ["hangs", "b", "c", "hangs"], "what was added meanwhile comes after");
  assert.doesNotMatch(await text(), /^controller_reconcile_in_progress.*hangs/m);
  await controller.stop?.();
});

test("every key is looked at at the start and again about once an interval", async () => {
  const calls: string[] = [];
  const reconcile: Reconcile = async (key) => {
    calls.push(key);
    return { kind: "done" };
  };
  const { clock, controller } = await start(reconcile, { keys: ["a", "b"], resyncMs: 10_000 });
  assert.deepEqual(calls, ["a", "b"]);
  await clock.advance(8999);
  assert.equal(calls.length, 2);
  await clock.advance(2001);
  assert.deepEqual(calls, ["a", "b", "a", "b"]);
  await controller.stop?.();
});

test("stopping waits for what runs, tells it, and starts nothing more", async () => {
  const ended = Promise.withResolvers<Outcome>();
  const calls: string[] = [];
  const { clock, controller } = await start((key, { signal }) => {
    calls.push(key);
    signal.addEventListener("abort", () => ended.resolve({ kind: "done" }));
    return ended.promise;
  });
  controller.queue.add("a");
  controller.queue.add("b");
  await clock.advance(0);
  await controller.stop?.();
  assert.deepEqual(calls, ["a"]);
  assert.equal(controller.running().size, 0);
});
