// Pods that a farm's selectors choose and that are not its own, as another controller's with copied labels: its Services send
// requests to them, its disruption budget counts them.
import { type Component, components, objectNames, selectorLabels } from "../manifests/names.ts";
import type { PodObject } from "./resources.ts";

/** Names of the pods among `pods` (of the farm's namespace) that carry the labels of a farm's pods and were not made for it, sorted. Pure. */
export function strangerPods(farm: string, pods: readonly PodObject[]): readonly string[] {
  const strangers = pods.filter((pod) => {
    const component = (Object.keys(components) as Component[]).find((one) => isChosen(pod, selectorLabels(farm, one)));
    return component !== undefined && !isOwn(pod, component, farm);
  });
  return strangers.map(({ metadata }) => metadata.name).sort();
}

function isChosen({ metadata }: PodObject, selector: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector).every(([key, value]) => metadata.labels?.[key] === value);
}

// A node's pod is its VaultNode's, a gateway's that of a ReplicaSet, which its Deployment names after itself.
function isOwn({ metadata }: PodObject, component: Component, farm: string): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (component === "node") return owner?.kind === "VaultNode";
  return owner?.kind === "ReplicaSet" && owner.name.startsWith(`${objectNames.gateway(farm)}-`);
}
