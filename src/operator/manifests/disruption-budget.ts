// How many pods of a farm evictions must leave. Of vault nodes: an integer that the operator rewrites. It is shut for every node
// that should run; from a machine that is drained the operator takes the pod away itself, once the node is evacuated (decision 0023).
// Gateways keep nothing: one after the other may go.
import { type FarmIdentity, farmMeta, type Manifest, objectNames, selectorLabels } from "./names.ts";

/** The vault nodes' budget, with `minAvailable` pods. */
export function disruptionBudget(farm: FarmIdentity, minAvailable: number): Manifest {
  return budget(farm, "node", { name: objectNames.budget(farm.name), limit: { minAvailable } });
}

/** The gateways' budget. A farm's only gateway may be evicted too, or its machine could never be drained. */
export function gatewayBudget(farm: FarmIdentity): Manifest {
  return budget(farm, "gateway", { name: objectNames.gatewayBudget(farm.name), limit: { maxUnavailable: 1 } });
}

type Limit = { readonly minAvailable: number } | { readonly maxUnavailable: number };

function budget(
  farm: FarmIdentity,
  component: "node" | "gateway",
  { name, limit }: { readonly name: string; readonly limit: Limit },
): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: farmMeta(farm, name, component),
    spec: {
      ...limit,
      selector: { matchLabels: selectorLabels(farm.name, component) },
      // A pod that never became ready holds nothing up.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}
