// Proves that events are written once, repeats counted in them and not faster than they may, that a flood stays within
// bounds and a failing server loses nothing but time. Method: the in-process API server's objects, virtual time.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { createFakeObjects } from "../../../test/support/fake-api-objects.ts";
import { silentKubeMetrics } from "../../../test/support/kube-silence.ts";
import { silentLog } from "../../runtime/log.ts";
import { createVirtualClock } from "../../runtime/virtual-clock.ts";
import type { KubeClient } from "./client.ts";
import { KubeError, type KubeErrorCode, type Result } from "./errors.ts";
import { createEventRecorder, type EventObject, events } from "./event-recorder.ts";
import { eventsWaitingMax } from "./limits.ts";
import { collectionPath, type KubeObject } from "./resource.ts";

const collection = collectionPath(events);
const about = (uid: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace: "ns", name: "map", uid });
const words = { type: "Warning", reason: "DiskFull", message: "make room" } as const;

async function start() {
  const objects = createFakeObjects();
  const clock = createVirtualClock();
  const failures: KubeErrorCode[] = [];
  const write = { manager: "events", subresource: undefined };
  const calls = { create: 0, patch: 0 };
  const answer = <T extends KubeObject>(kind: keyof typeof calls, act: () => KubeObject): Result<T> => {
    calls[kind] += 1;
    const code = failures.shift();
    return code === undefined ? { ok: true, value: act() as T } : { ok: false, error: new KubeError(code, "the fault asked for") };
  };
  const client: Pick<KubeClient, "create" | "patch"> = {
    create: async (_resource, object) => answer("create", () => objects.create(collection, object, write)),
    patch: async (_resource, name, patch) =>
      answer("patch", () => objects.merge(collection, name, patch.body as Record<string, unknown>, write)),
  };
  const recorder = createEventRecorder({ client, clock, log: silentLog, metrics: silentKubeMetrics, component: "shop" });
  await recorder.start?.(new AbortController().signal);
  const written = () => objects.list(collection, "ns") as readonly EventObject[];
  return { recorder, clock, failures, calls, written };
}

test("the first is written at once, repeats together every half minute, and after ten quiet minutes it is a new event", async () => {
  const { recorder, clock, calls, written } = await start();
  recorder.record(about("1"), words);
  await clock.advance(1);
  assert.deepEqual(
    written().map((event) => [event["reason"], event["count"], event["involvedObject"]]),
    [["DiskFull", 1, about("1")]],
  );
  for (let n = 0; n < 50; n += 1) recorder.record(about("1"), words);
  await clock.advance(30_000);
  assert.deepEqual([written()[0]?.["count"], calls.patch], [51, 1]);
  recorder.record(about("2"), words);
  recorder.record(about("1"), { ...words, message: "make more room" });
  await clock.advance(1);
  assert.equal(written().length, 3, "another object or another sentence is another event");
  await clock.advance(601_000);
  recorder.record(about("1"), words);
  await clock.advance(1);
  assert.equal(written().length, 4);
  await recorder.stop?.();
});

test("a server that fails gets it later; one that forbids it is not asked again; an event that expired is written anew", async () => {
  const { recorder, clock, failures, calls, written } = await start();
  failures.push("unreachable", "too-many-requests");
  recorder.record(about("1"), words);
  await clock.advance(1000);
  assert.deepEqual([written().length, calls.create], [1, 3]);
  failures.push("forbidden");
  recorder.record(about("2"), words);
  await clock.advance(100_000);
  assert.deepEqual([written().length, calls.create], [1, 4]);
  failures.push("not-found");
  recorder.record(about("3"), words);
  await clock.advance(100_000);
  recorder.record(about("1"), words);
  failures.push("not-found", "already-exists");
  await clock.advance(31_000);
  assert.deepEqual([calls.patch, calls.create], [1, 6]);
  await recorder.stop?.();
});

test("a flood of different events is bounded", async () => {
  const { recorder, clock, written } = await start();
  for (let n = 0; n < eventsWaitingMax * 3; n += 1) recorder.record(about(String(n)), words);
  await clock.advance(1000);
  assert.ok(written().length <= eventsWaitingMax + 1, `${written().length} were written`);
  assert.ok(written().length >= eventsWaitingMax - 1);
  await recorder.stop?.();
});
