// Brings the two kinds up to this operator's version: Helm installs kinds once and never upgrades them.
import type { Log } from "../../runtime/log.ts";
import { customResourceDefinition, kinds } from "../api/kinds.ts";
import { defineResource, type KubeClient, type KubeObject, type Resource } from "../kube/index.ts";

/** The definitions of kinds, which no namespace has. */
export const definitions: Resource = defineResource({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
});

/** The name under which Helm applies what lies in crds/. Under another one, its next `helm install` of a newer chart would be refused as a conflict. */
const helmsName = "helm";

/** Applies both. An operator that may not is told so, and works with the kinds that there are. */
export async function ensureKinds(client: KubeClient, log: Log): Promise<void> {
  for (const kind of kinds) {
    const definition = customResourceDefinition(kind) as unknown as KubeObject;
    const applied = await client.apply(definitions, definition, { force: true, fieldManager: helmsName });
    if (!applied.ok)
      log.warn("a kind could not be brought up to date: apply charts/vaultfarm/crds by hand", { kind: kind.kind, cause: applied.error });
  }
}
