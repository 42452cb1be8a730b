// Brings the two kinds up to this operator's version: Helm installs kinds once and never upgrades them. What a newer operator
// brought stays: where two releases of different versions share a cluster, the older one would have the server drop newer fields of farms.
import type { Log } from "../../runtime/log.ts";
import { softwareVersion } from "../../runtime/software-version.ts";
import { customResourceDefinition, kinds } from "../api/kinds.ts";
import { defineResource, type KubeClient, type KubeObject, type Resource } from "../kube/index.ts";
import { annotations } from "../manifests/names.ts";

/** The definitions of kinds, which no namespace has. */
export const definitions: Resource = defineResource({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
});

/** The name under which Helm applies what lies in crds/. Under another one, its next `helm install` of a newer chart would be refused as a conflict. */
const helmsName = "helm";

/** Applies both, as of `version` (three numbers). An operator that may not is told so, and works with the kinds that there are. */
export async function ensureKinds(client: Pick<KubeClient, "get" | "apply">, log: Log, version: string = softwareVersion): Promise<void> {
  for (const kind of kinds) {
    const { metadata, ...definition } = customResourceDefinition(kind) as unknown as KubeObject;
    const there = await client.get(definitions, { name: metadata.name });
    const broughtBy = there.ok ? (there.value.metadata.annotations?.[annotations.version] ?? "") : "";
    if (isNewer(broughtBy, version)) {
      log.info("a kind is left as a newer operator brought it", { kind: kind.kind, version: broughtBy });
      continue;
    }
    const noted = { ...definition, metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.version]: version } } };
    const applied = await client.apply(definitions, noted, { force: true, fieldManager: helmsName });
    if (!applied.ok)
      log.warn("a kind could not be brought up to date: apply charts/vaultfarm/crds by hand", { kind: kind.kind, cause: applied.error });
  }
}

/** Whether version `a` comes after `b`; what is no version comes first. */
function isNewer(a: string, b: string): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const at = left.findIndex((number, i) => number !== right[i]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}

function numbersOf(version: string): readonly number[] {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version);
  return found === null ? [0, 0, 0] : found.slice(1).map(Number);
}
