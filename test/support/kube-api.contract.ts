// What the operator's client and reflector rely on in an API server, run against the in-process one and against the real
// one. Each test uses ConfigMaps and Deployments of names of its own in one namespace, through the real client.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import type { KubeClient } from "../../src/operator/kube/client.ts";
import type { KubeErrorCode, Result } from "../../src/operator/kube/errors.ts";
import { wholeObject } from "../../src/operator/kube/projection.ts";
import { createReflector, type Reflector } from "../../src/operator/kube/reflector.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { silentLog } from "../../src/runtime/log.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { until } from "./deadline.ts";
import { type ConfigMap, configMaps, deployments } from "./kube-kinds.ts";
import { silentReflectorMetrics } from "./kube-silence.ts";

export type ContractServer = { readonly client: KubeClient; readonly namespace: string };

/** The value, or the failure as the test's. */
export function must<T>(result: Result<T>): T {
  if (!result.ok) throw result.error;
  return result.value;
}

const codeOf = (result: Result<unknown>): KubeErrorCode | "none" => (result.ok ? "none" : result.error.code);
let made = 0;
const newName = (): string => {
  made += 1;
  return `contract-${process.pid}-${made}`;
};

export function kubeApiContract(title: string, server: () => ContractServer): void {
  const map = (name: string, data: Record<string, string>, labels: Record<string, string> = {}): ConfigMap => ({
    metadata: { name, namespace: server().namespace, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
    data,
  });
  const at = (name: string) => ({ namespace: server().namespace, name });
  const reflect = (labelSelector: string): Reflector<ConfigMap> =>
    createReflector<ConfigMap>(
      { resource: configMaps, namespace: server().namespace, labelSelector, project: wholeObject },
      { client: server().client, clock: systemClock, random: systemRandom, log: silentLog, metrics: silentReflectorMetrics },
    );

  describe(title, () => {
    it("creates, reads, lists in pages, and removes", async () => {
      const { client, namespace } = server();
      const names = [newName(), newName(), newName()];
      for (const name of names) must(await client.create(configMaps, map(name, { a: "1" }, { set: names[0] ?? "" })));
      assert.equal(codeOf(await client.create(configMaps, map(names[0] ?? "", {}))), "already-exists");
      const selection = { namespace, labelSelector: `set=${names[0]}`, limit: 2 };
      const first = must(await client.list(configMaps, selection));
      assert.equal(first.items.length, 2);
      assert.ok(first.continueToken);
      assert.equal(must(await client.listAll(configMaps, selection)).items.length, 3);
      assert.deepEqual(must(await client.get(configMaps, at(names[1] ?? ""))).data, { a: "1" });
      assert.equal(must(await client.remove(configMaps, at(names[1] ?? ""))).kind, "removed");
      assert.equal(codeOf(await client.get(configMaps, at(names[1] ?? ""))), "not-found");
      assert.equal(codeOf(await client.remove(configMaps, at(names[1] ?? ""))), "not-found");
    });

    it("refuses a wrong name with the field that is wrong", async () => {
      const result = await server().client.create(configMaps, map("Wrong_Name", {}));
      assert.equal(codeOf(result), "invalid");
      assert.equal(result.ok ? "" : result.error.causes[0]?.field, "metadata.name");
    });

    it("updates only the version that was read", async () => {
      const { client } = server();
      const name = newName();
      const first = must(await client.create(configMaps, map(name, { a: "1" })));
      must(await client.update(configMaps, { ...first, data: { a: "2" } }));
      assert.equal(codeOf(await client.update(configMaps, { ...first, data: { a: "3" } })), "conflict");
      const patched = must(await client.patch(configMaps, at(name), { type: "merge", body: { data: { b: "4" } } }));
      assert.deepEqual(patched.data, { a: "2", b: "4" });
    });

    it("applies its own fields, tells of another owner's, takes them by force, and drops what it no longer names", async () => {
      const { client } = server();
      const name = newName();
      const one = { fieldManager: "one", force: false };
      const applied = must(await client.apply(configMaps, map(name, { a: "1", b: "1" }), one));
      const again = must(await client.apply(configMaps, map(name, { a: "1", b: "1" }), one));
      assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion, "applying the same is no new version");
      const refused = await client.apply(configMaps, map(name, { a: "2" }), { fieldManager: "two", force: false });
      assert.equal(codeOf(refused), "conflict");
      assert.deepEqual(refused.ok ? [] : refused.error.causes.map(({ field, reason }) => `${reason} ${field}`), [
        "FieldManagerConflict .data.a",
      ]);
      must(await client.apply(configMaps, map(name, { a: "2" }), { fieldManager: "two", force: true }));
      const dropped = must(await client.apply(configMaps, map(name, {}), { fieldManager: "one", force: false }));
      assert.deepEqual(dropped.data, { a: "2" });
    });

    it("removes only the object and version that were meant", async () => {
      const { client } = server();
      const name = newName();
      const first = must(await client.create(configMaps, map(name, {})));
      const uid = String(first.metadata.uid);
      assert.equal(
        codeOf(await client.remove(configMaps, at(name), { preconditions: { uid: "0c3f0b7e-0000-4000-8000-000000000000" } })),
        "conflict",
      );
      const second = must(await client.patch(configMaps, at(name), { type: "merge", body: { data: { a: "1" } } }));
      const stale = { uid, resourceVersion: String(first.metadata.resourceVersion) };
      assert.equal(codeOf(await client.remove(configMaps, at(name), { preconditions: stale })), "conflict");
      const exact = { uid, resourceVersion: String(second.metadata.resourceVersion) };
      must(await client.remove(configMaps, at(name), { preconditions: exact }));
    });

    it("changes only the object that was meant, where its uid is said", async () => {
      const { client } = server();
      const name = newName();
      const { metadata } = must(await client.create(configMaps, map(name, {})));
      const merge = (uid: string | undefined, a: string) =>
        client.patch(configMaps, at(name), { type: "merge", body: { metadata: { uid }, data: { a } } });
      const other = await merge("0c3f0b7e-0000-4000-8000-000000000000", "1");
      // A server may name the field more than once.
      const named = new Set(other.ok ? [] : other.error.causes.map(({ field }) => field));
      assert.deepEqual([codeOf(other), [...named]], ["invalid", ["metadata.uid"]]);
      assert.deepEqual(must(await merge(metadata.uid, "2")).data, { a: "2" });
    });

    it("keeps an object with a finalizer until that is taken away", async () => {
      const { client } = server();
      const name = newName();
      const whole = map(name, {});
      must(await client.create(configMaps, { ...whole, metadata: { ...whole.metadata, finalizers: ["example.com/wait"] } }));
      assert.equal(must(await client.remove(configMaps, at(name))).kind, "terminating");
      const waiting = must(await client.get(configMaps, at(name)));
      assert.ok(waiting.metadata.deletionTimestamp);
      must(await client.patch(configMaps, at(name), { type: "merge", body: { metadata: { finalizers: null } } }));
      assert.equal(codeOf(await client.get(configMaps, at(name))), "not-found");
    });

    it("writes the status apart from the rest, and scales", async () => {
      const { client, namespace } = server();
      const name = newName();
      const selector = { matchLabels: { app: name } };
      const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "none" }] } };
      must(await client.create(deployments, { metadata: { name, namespace }, spec: { replicas: 1, selector, template } }));
      const status = { metadata: { name, namespace }, status: { replicas: 1, observedGeneration: 1 } };
      const shown = must(await client.apply(deployments, status, { force: true, subresource: "status" }));
      assert.equal(shown.status?.replicas, 1);
      assert.equal(shown.spec.replicas, 1);
      assert.equal(must(await client.setScale(deployments, at(name), 3)).replicas, 3);
      assert.equal(must(await client.getScale(deployments, at(name))).replicas, 3);
      const scaled = must(await client.get(deployments, at(name)));
      assert.equal(scaled.status?.replicas, 1, "scaling leaves the status alone");
      must(await client.remove(deployments, at(name)));
    });

    it("a cache follows creations, changes, label moves and removals, and has their indexes", async () => {
      const { client } = server();
      const label = newName();
      const [stays, leaves, comes] = [newName(), newName(), newName()];
      must(await client.create(configMaps, map(stays, { v: "1" }, { set: label })));
      must(await client.create(configMaps, map(leaves, { v: "1" }, { set: label })));
      must(await client.create(configMaps, map(comes, { v: "1" }, { set: "other" })));
      const cache = reflect(`set=${label}`);
      const seen: string[] = [];
      cache.onChange((change, { initial }) => {
        const object = change.kind === "removed" ? change.before : change.object;
        seen.push(`${initial ? "initial " : ""}${change.kind} ${object.metadata.name}`);
      });
      await cache.start?.(new AbortController().signal);
      try {
        await cache.whenSynced(AbortSignal.timeout(20_000));
        assert.equal(cache.store.size(), 2);
        assert.equal(cache.store.get(at(stays))?.metadata["managedFields"], undefined);
        const relabel = (name: string, set: string) =>
          client.patch(configMaps, at(name), { type: "merge", body: { metadata: { labels: { set } } } });
        must(await client.patch(configMaps, at(stays), { type: "merge", body: { data: { v: "2" } } }));
        must(await relabel(leaves, "other"));
        must(await relabel(comes, label));
        await until(
          "all three changes are seen",
          () => cache.store.get(at(comes)) !== undefined && cache.store.get(at(leaves)) === undefined,
          20_000,
        );
        assert.deepEqual(cache.store.get(at(stays))?.data, { v: "2" });
        assert.deepEqual(seen.slice(2), [`changed ${stays}`, `removed ${leaves}`, `added ${comes}`]);
        assert.deepEqual(seen.slice(0, 2).sort(), [`initial added ${leaves}`, `initial added ${stays}`].sort());
        assert.ok(cache.sinceContactMs() < 60_000);
      } finally {
        await cache.stop?.();
      }
    });

    it("names that would address something else are refused before they are sent", async () => {
      const { client } = server();
      for (const name of ["", ".", "..", "a/b"]) assert.equal(codeOf(await client.remove(configMaps, at(name))), "bad-request");
      assert.equal(codeOf(await client.get(configMaps, { name: "no-namespace" })), "bad-request");
    });
  });
}
