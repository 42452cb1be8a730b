// Proves that farms of all watched namespaces are seen together, and for which nodes that are being replaced others wait.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { KubeError } from "../kube/index.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmObject, NodeRecord } from "./resources.ts";
import { createWatchedFarms } from "./watched-farms.ts";

type Scope = Parameters<typeof createWatchedFarms>[0][number];

const farm = (namespace: string, name: string, change: object = {}): FarmObject =>
  ({ metadata: { namespace, name }, spec: { replicas: 5 }, ...change }) as FarmObject;
const lost = (namespace: string, of: string): NodeRecord =>
  ({ metadata: { namespace, name: `${of}-lost` }, spec: { farm: of, assigned: { leaving: "Replaced" } } }) as NodeRecord;

function scope(farms: readonly FarmObject[], records: readonly NodeRecord[], error?: KubeError, isRead = true): Scope {
  const byKey = new Map(farms.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, one]));
  const store = { byKey: (key: string) => byKey.get(key), values: () => byKey.values() };
  const cache = { store, isSynced: () => isRead, trouble: () => error };
  return { farms: cache as unknown as FarmCaches["farms"], beingReplaced: () => records, forbidden: () => error };
}

const namesOf = (records: readonly NodeRecord[]): readonly string[] =>
  records.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);

test("farms of all namespaces are seen, and nodes being replaced in any of them", () => {
  const watched = createWatchedFarms([
    scope([farm("one", "attic")], [lost("one", "attic")]),
    scope([farm("two", "attic"), farm("two", "barn")], [lost("two", "barn")]),
  ]);
  assert.deepEqual(
    [...watched.all()].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ["one/attic", "two/attic", "two/barn"],
  );
  assert.deepEqual(namesOf(watched.beingReplaced()), ["one/attic-lost", "two/barn-lost"]);
});

test("nobody waits for a farm where nothing ends: one that is paused, asleep, going, gone, or may not be read any more", () => {
  const stuck = [
    farm("one", "paused", { spec: { paused: true } }),
    farm("one", "asleep", { spec: { replicas: 0 } }),
    farm("one", "going", { metadata: { namespace: "one", name: "going", deletionTimestamp: "2026-01-01T00:00:00Z" } }),
  ];
  const records = ["paused", "asleep", "going", "gone"].map((name) => lost("one", name));
  const taken = new KubeError("forbidden", "may not list pods in the namespace two");
  const watched = createWatchedFarms([scope(stuck, records), scope([farm("two", "attic")], [lost("two", "attic")], taken)]);
  assert.deepEqual(watched.beingReplaced(), []);
  assert.equal([...watched.all()].length, 4, "and yet whose network a farm has is known of all");
});

test("why farms of a namespace are not among them is known as long as it was never read", () => {
  const taken = new KubeError("forbidden", "may not list vaultfarms in the namespace two");
  assert.equal(createWatchedFarms([scope([], []), scope([], [], taken)]).unread(), undefined, "it was read before");
  assert.equal(createWatchedFarms([scope([], []), scope([], [], taken, false)]).unread(), taken);
});
