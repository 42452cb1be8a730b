// Our two kinds on a real API server, as Helm brings them there.
import { customResourceDefinition, kinds } from "../../src/operator/api/kinds.ts";
import { definitions } from "../../src/operator/cluster/ensure-kinds.ts";
import type { KubeClient, KubeObject } from "../../src/operator/kube/index.ts";
import { until } from "./deadline.ts";
import { must } from "./kube-api.contract.ts";

/** Resolves once both are served. */
export async function bringKinds(client: KubeClient): Promise<void> {
  for (const kind of kinds)
    must(await client.apply(definitions, customResourceDefinition(kind) as unknown as KubeObject, { force: true, fieldManager: "helm" }));
  for (const { plural } of kinds)
    await until(`${plural} are served`, async () => (await client.read(`/apis/vaultfarm.dev/v1alpha1/${plural}`)).ok, 120_000);
}
