// Proves on a real API server, which knows who owns which field, that what others patch or apply into `spec.assigned` of a
// VaultNode is taken out for good: once, with nothing written afterwards, and what the operator decided stays. Method: the whole
// operator against etcd and kube-apiserver of its own; no pod ever runs.
import { strict as assert } from "node:assert";
import { after, before, test } from "node:test";
import { claims, farms, nodeRecords } from "../../src/operator/cluster/resources.ts";
import type { KubeClient, KubeObject } from "../../src/operator/kube/index.ts";
import { annotations } from "../../src/operator/manifests/names.ts";
import { type OperatedServer, startOperatedServer } from "../support/api-server-operator.ts";
import { until } from "../support/deadline.ts";
import { must } from "../support/kube-api.contract.ts";

const namespace = "default";
const longMs = 60_000;
/** Looks at a farm with something left to do come every second, milliseconds. */
const someLooksMs = 8000;

let operated: OperatedServer;
let client: KubeClient;

before(async () => {
  operated = await startOperatedServer();
  client = operated.client;
  await operated.startOperator();
});
after(() => operated?.stop());

type Assigned = Readonly<Record<string, unknown>>;
type Node = KubeObject & { readonly spec: { readonly assigned?: Assigned } };

async function nodes(): Promise<readonly Node[]> {
  const found = must(await client.listAll(nodeRecords, { namespace })).items as readonly Node[];
  return [...found].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

async function nodeCalled(name: string): Promise<Node> {
  return must(await client.get(nodeRecords, { namespace, name })) as Node;
}

/** Waits until nobody but the operator says anything of the node. The record. */
function untilOwn(name: string, assigned: Assigned | undefined): Promise<Node> {
  return until(
    `${name} is as it was decided`,
    async () => {
      const node = await nodeCalled(name);
      return JSON.stringify(node.spec.assigned) === JSON.stringify(assigned) && node;
    },
    longMs,
  );
}

test("fields that others patched or applied go for good, and the nodes stay as they are", async () => {
  must(await client.create(farms, { metadata: { name: "attic", namespace }, spec: { replicas: 4, vaultCapacity: "1Gi" } } as KubeObject));
  await until("the farm is made", async () => must(await client.listAll(claims, { namespace })).items.length === 4, longMs);
  const [patched, applied] = await nodes();
  assert.ok(patched !== undefined && applied !== undefined);
  const body = { spec: { assigned: { leaving: "Update", released: true } } };
  must(await client.patch(nodeRecords, { namespace, name: patched.metadata.name }, { type: "merge", body }, { fieldManager: "person" }));
  const note = { [annotations.seal]: "1.AAAA" };
  const manifest = {
    ...{ apiVersion: nodeRecords.apiVersion, kind: nodeRecords.kind },
    metadata: { name: applied.metadata.name, namespace, annotations: note },
    spec: { farm: "attic", assigned: { released: true } },
  };
  must(await client.apply(nodeRecords, manifest, { force: true, fieldManager: "backup" }));
  const mended = [
    await untilOwn(patched.metadata.name, patched.spec.assigned),
    await untilOwn(applied.metadata.name, applied.spec.assigned),
  ];
  await new Promise((resolve) => setTimeout(resolve, someLooksMs));
  for (const { metadata, spec } of mended) {
    const now = await nodeCalled(metadata.name);
    assert.deepEqual([now.metadata.uid, now.metadata.generation, now.spec], [metadata.uid, metadata.generation, spec]);
  }
  assert.equal(must(await client.listAll(claims, { namespace })).items.length, 4);
});
