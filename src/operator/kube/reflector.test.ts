// Proves that the cache equals the server's truth after any history of changes and faults, that handlers hear each change
// exactly once and in order, and that waits follow the rules. Method: random histories (fast-check) in virtual time over
// the objects of the in-process API server; single stories for what the server may ask for.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type ConfigMap, configMaps } from "../../../test/support/kube-kinds.ts";
import { silentReflectorMetrics } from "../../../test/support/kube-silence.ts";
import { createScriptedApi, type ScriptedApi } from "../../../test/support/scripted-api.ts";
import { silentLog } from "../../runtime/log.ts";
import { seededRandom } from "../../runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../runtime/virtual-clock.ts";
import { KubeError, type KubeErrorCode } from "./errors.ts";
import { wholeObject } from "./projection.ts";
import { createReflector, type Reflector } from "./reflector.ts";
import { isOlder, nextStep } from "./reflector-decision.ts";
import { collectionPath } from "./resource.ts";

const collection = collectionPath(configMaps);
const write = { manager: "test", subresource: undefined };
const hourMs = 3_600_000;

type World = { readonly api: ScriptedApi; readonly clock: VirtualClock; readonly cache: Reflector<ConfigMap> };

function createWorld(): World {
  const api = createScriptedApi();
  const clock = createVirtualClock();
  const cache = createReflector<ConfigMap>(
    { resource: configMaps, project: wholeObject, indexers: { value: ({ data }) => Object.values(data ?? {}) } },
    { client: api.client, clock, random: seededRandom(1), log: silentLog, metrics: silentReflectorMetrics },
  );
  return { api, clock, cache };
}

const truth = ({ api }: World): readonly string[] => api.objects.list(collection, undefined).map(identity).sort();
const cached = ({ cache }: World): readonly string[] => [...cache.store.values()].map(identity).sort();
const identity = ({ metadata, data }: ConfigMap): string =>
  `${metadata.name} ${metadata.uid} ${metadata.resourceVersion} ${JSON.stringify(data)}`;

/** Handlers' view, built from changes only; complains of a change that does not fit. */
function listen(cache: Reflector<ConfigMap>): Map<string, ConfigMap> {
  const seen = new Map<string, ConfigMap>();
  cache.onChange((change) => {
    const { name } = (change.kind === "removed" ? change.before : change.object).metadata;
    if (change.kind === "added") assert.equal(seen.has(name), false, `${name} is added twice`);
    else assert.equal(seen.get(name), change.before, `${name}: what it was before is what was told before`);
    if (change.kind === "removed") seen.delete(name);
    else seen.set(name, change.object);
  });
  return seen;
}

type Step =
  | { readonly kind: "put" | "remove"; readonly name: number; readonly value: number }
  | { readonly kind: "reset" | "end" | "bookmark" | "compact" }
  | { readonly kind: "repeat"; readonly count: number; readonly skip: number }
  | { readonly kind: "fail"; readonly code: KubeErrorCode; readonly retryAfterMs: number }
  | { readonly kind: "wait"; readonly ms: number };

const faultCodes = ["too-many-requests", "server", "unreachable", "timeout", "gone", "forbidden", "too-large", "bad-answer"] as const;
const name = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), name, value: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), name, value: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("reset" as const, "end" as const, "bookmark" as const, "compact" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("repeat" as const), count: fc.integer({ min: 1, max: 6 }), skip: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("fail" as const), code: fc.constantFrom(...faultCodes), retryAfterMs: fc.nat(90_000) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat(5000) }) },
);

async function play({ api, clock }: World, step: Step): Promise<void> {
  switch (step.kind) {
    case "put":
      return void api.objects.apply(collection, { metadata: { name: `m${step.name}` }, data: { v: String(step.value) } } as ConfigMap, {
        ...write,
        force: true,
      });
    case "remove":
      if (api.objects.list(collection, undefined).some(({ metadata }) => metadata.name === `m${step.name}`)) {
        api.objects.remove(collection, { name: `m${step.name}` }, {});
      }
      return;
    case "reset":
      return api.reset();
    case "end":
      return api.endWatches();
    case "bookmark":
      return api.bookmark();
    case "compact":
      api.objects.compact();
      return api.reset();
    case "repeat":
      return api.repeat(step.count, step.skip);
    case "fail":
      api.failNext(new KubeError(step.code, "the fault asked for", { retryAfterMs: step.retryAfterMs }));
      return api.reset();
    case "wait":
      return clock.advance(step.ms);
  }
}

test("after any history the cache, its index and the handlers' view equal the server's truth", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (history) => {
      const world = createWorld();
      const seen = listen(world.cache);
      await world.cache.start?.(new AbortController().signal);
      for (const one of history) await play(world, one);
      await world.clock.advance(hourMs);
      assert.deepEqual(cached(world), truth(world));
      assert.deepEqual([...seen.values()].map(identity).sort(), truth(world));
      const byValue = ["0", "1", "2", "3"].flatMap((value) => world.cache.store.byIndex("value", value)).map(identity);
      assert.deepEqual(byValue.sort(), truth(world));
      assert.equal(world.api.openWatches(), 1);
      await world.cache.stop?.();
      assert.equal(world.api.openWatches(), 0);
    }),
    { numRuns: 300, seed: 6 },
  );
});

test("an object made anew under its old name between two lists is a removal and an addition", async () => {
  const world = createWorld();
  const { api, clock, cache } = world;
  api.objects.create(collection, { metadata: { name: "a" } }, write);
  const told: string[] = [];
  cache.onChange(({ kind }, { initial }) => told.push(initial ? `initial ${kind}` : kind));
  await cache.start?.(new AbortController().signal);
  await clock.advance(1);
  api.failNext(new KubeError("unreachable", "no connection"));
  api.reset();
  await clock.advance(1);
  api.objects.remove(collection, { name: "a" }, {});
  api.objects.create(collection, { metadata: { name: "a" } }, write);
  api.objects.compact();
  await clock.advance(hourMs);
  assert.deepEqual(told, ["initial added", "removed", "added"]);
  await cache.stop?.();
});

test("a busy server is left alone for as long as it asked, and a cache tells that it is stale", async () => {
  const { api, clock, cache } = createWorld();
  api.failNext(new KubeError("too-many-requests", "busy", { retryAfterMs: 60_000 }));
  await cache.start?.(new AbortController().signal);
  await clock.advance(59_999);
  assert.equal(api.calls.lists, 1);
  assert.equal(cache.isSynced(), false);
  assert.equal(cache.trouble()?.code, "too-many-requests");
  assert.equal(cache.sinceContactMs(), Number.POSITIVE_INFINITY);
  await clock.advance(6002);
  assert.equal(cache.isSynced(), true);
  assert.equal(cache.trouble(), undefined);
  await clock.advance(5000);
  assert.ok(cache.sinceContactMs() >= 5000);
  api.bookmark();
  await clock.advance(0);
  assert.equal(cache.sinceContactMs(), 0);
  await cache.stop?.();
});

test("an object that the projection cannot read hides no other", async () => {
  const { api, clock } = createWorld();
  for (const name of ["good", "odd"]) api.objects.create(collection, { metadata: { name } }, write);
  const cache = createReflector<ConfigMap>(
    {
      resource: configMaps,
      project: (object) => {
        if (object.metadata.name === "odd") throw new Error("cannot read it");
        return wholeObject(object);
      },
    },
    { client: api.client, clock, random: seededRandom(1), log: silentLog, metrics: silentReflectorMetrics },
  );
  await cache.start?.(new AbortController().signal);
  await clock.advance(1);
  assert.deepEqual([...cache.store.keys()], ["good"]);
  await cache.stop?.();
});

test("failures in a row wait from 0.8 to 30 s; only a watch that worked begins anew; an expired version lists again", () => {
  const error = new KubeError("server", "failed");
  const waits = [0, 1, 2, 3, 4, 5, 6, 20].map((failures) => nextStep({ kind: "list-failed", error }, failures, 1).waitMs);
  assert.deepEqual(waits, [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  const gone = new KubeError("gone", "too old");
  const failed = { kind: "watch-failed", version: "7", heldMs: 0, events: 0, error: gone } as const;
  assert.deepEqual(nextStep(failed, 3, 0), { version: undefined, failures: 4, waitMs: 3200 });
  assert.equal(nextStep({ ...failed, error, events: 1 }, 3, 0).failures, 1);
  assert.equal(nextStep({ ...failed, error }, 3, 0).version, "7");
  assert.equal(nextStep({ kind: "listed", version: "7" }, 3, 0).failures, 3);
  const ended = { kind: "watch-ended", version: "7", heldMs: 10, events: 0 } as const;
  assert.equal(nextStep(ended, 0, 0).failures, 1, "a watch that ends at once is a failure");
  assert.deepEqual(nextStep({ ...ended, heldMs: 300_000 }, 5, 0), { version: "7", failures: 0, waitMs: 0 });
});

test("versions are compared as numbers of any length; others are never older", () => {
  assert.equal(isOlder("9", "10"), true);
  assert.equal(isOlder("10", "9"), false);
  assert.equal(isOlder("10", "10"), false);
  assert.equal(isOlder("99999999999999999998", "99999999999999999999"), true);
  assert.equal(isOlder("a", "b"), false);
});
