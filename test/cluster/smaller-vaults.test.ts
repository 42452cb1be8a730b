// Proves on a real API server that a smaller vaultCapacity is taken, that each record keeps the size it was made with, that one
// node of the new size is made and, as long as not all answer, none is taken away; and that a higher one takes it back. Method:
// the whole operator against etcd and kube-apiserver of its own; no pod ever runs, so nobody answers.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { claims, farms, nodeRecords } from "../../src/operator/cluster/resources.ts";
import type { KubeClient, KubeObject } from "../../src/operator/kube/index.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespace = "default";
const name = "attic";
const longMs = 120_000;
const gib = 2 ** 30;

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator();
});
after(() => operated?.stop());

/** Of each node: its name, the size that is remembered of it, and what is asked for of its volume. */
async function nodes(): Promise<readonly (readonly [string, unknown, string])[]> {
  type Claim = { readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } } };
  const found = must(await client.listAll(claims, { namespace })).items;
  const askedFor = new Map(found.map((claim) => [claim.metadata.name, (claim as unknown as Claim).spec.resources.requests.storage]));
  return must(await client.listAll(nodeRecords, { namespace })).items.map((record) => {
    const { assigned } = (record as KubeObject & { readonly spec: { readonly assigned?: { readonly specCapacity?: unknown } } }).spec;
    return [record.metadata.name, assigned?.specCapacity, askedFor.get(record.metadata.name) ?? ""] as const;
  });
}

async function resize(vaultCapacity: string): Promise<void> {
  must(await client.patch(farms, { namespace, name }, { type: "merge", body: { spec: { vaultCapacity } } }));
}

/** Waits until the nodes' sizes are these, smallest first. The nodes. */
function untilSizes(sizes: readonly number[]): ReturnType<typeof nodes> {
  return until(
    `the nodes are made for ${sizes.join(", ")}`,
    async () => {
      const now = await nodes();
      const made = now.map(([, size]) => Number(size)).sort((a, b) => a - b);
      return JSON.stringify(made) === JSON.stringify(sizes) && now;
    },
    longMs,
  );
}

test("a smaller size adds one node of it and takes nobody away while not all answer; a larger one is for all, and the one more goes", async () => {
  must(await client.create(farms, { metadata: { name, namespace }, spec: { replicas: 4, vaultCapacity: "1Gi" } } as KubeObject));
  const before = await untilSizes([gib, gib, gib, gib]);
  await resize("512Mi");
  const after = await untilSizes([gib / 2, gib, gib, gib, gib]);
  const [added] = after.filter(([one]) => !before.some(([other]) => other === one));
  assert.deepEqual(added?.slice(1), [gib / 2, `${Math.ceil(0.5 * 1024 * 1.1 + 1024)}Mi`]);
  for (const node of before)
    assert.ok(
      after.some((one) => one.join() === node.join()),
      "the others are as they were",
    );
  await resize("2Gi");
  const raised = await untilSizes([2 * gib, 2 * gib, 2 * gib, 2 * gib]);
  assert.equal(raised.length, 4);
});
