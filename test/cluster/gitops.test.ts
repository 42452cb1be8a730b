// Proves what docs/kubernetes/install.md says of tools that only render the chart: they set the count of nodes back to that of the
// values, and a manifest without `replicas`, applied by the server, leaves it to `kubectl scale`. Method: Helm and the kubectl that are
// at hand against etcd and kube-apiserver of their own.

import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { type FarmObject, farms } from "../../src/operator/cluster/resources.ts";
import type { KubeClient } from "../../src/operator/kube/index.ts";
import { type ApiServer, kubeProgram, openTestClient, startApiServer } from "../support/api-server.ts";
import { bringKinds } from "../support/bring-kinds.ts";
import { chartObjects } from "../support/chart.ts";
import { release } from "../support/chart-cases.ts";
import { must } from "../support/kube-api.contract.ts";

let server: ApiServer;
let client: KubeClient;
before(async () => {
  server = await startApiServer();
  client = openTestClient(server);
  await bringKinds(client);
});
after(async () => {
  await client?.close();
  await server?.stop();
});

const namespace = "default";

function kubectl(args: readonly string[], manifest: object = {}): void {
  const input = JSON.stringify(manifest);
  execFileSync(kubeProgram("kubectl"), [...args, "--kubeconfig", server.kubeconfig, "-n", namespace], { input, stdio: "pipe" });
}

async function specOf(name: string): Promise<{ readonly replicas: number; readonly vaultCapacity: string }> {
  const { spec } = must(await client.get<FarmObject>(farms, { namespace, name }));
  return spec as { readonly replicas: number; readonly vaultCapacity: string };
}

test("what only renders the chart sets the count back, each time", async () => {
  const objects = await chartObjects(release({ farm: { create: true, name: "rendered" } }, { namespace }));
  const farm = objects.find(({ kind }) => kind === "VaultFarm") ?? assert.fail("no farm");
  kubectl(["apply", "-f", "-"], farm);
  kubectl(["scale", "vf", "rendered", "--replicas=8"]);
  kubectl(["apply", "-f", "-"], farm);
  assert.equal((await specOf("rendered")).replicas, 5);
});

test("a manifest without replicas, applied by the server, leaves the count and changes the rest", async () => {
  const spec = { vaultCapacity: "1Gi" };
  const manifest = { apiVersion: "vaultfarm.dev/v1alpha1", kind: "VaultFarm", metadata: { name: "own" } };
  kubectl(["create", "-f", "-"], { ...manifest, spec: { ...spec, replicas: 5 } });
  kubectl(["scale", "vf", "own", "--replicas=8"]);
  const apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
  kubectl(apply, { ...manifest, spec });
  kubectl(apply, { ...manifest, spec: { vaultCapacity: "2Gi" } });
  const { replicas, vaultCapacity } = await specOf("own");
  assert.deepEqual([replicas, vaultCapacity], [8, "2Gi"]);
});
