// How many vault nodes an eviction may leave: an integer that the operator rewrites. It is shut for every node that should run;
// from a machine that is drained the operator takes the pod away itself, once the node is evacuated (decision 0023).
import { type FarmIdentity, farmMeta, type Manifest, objectNames, selectorLabels } from "./names.ts";

/** The budget with `minAvailable` pods. */
export function disruptionBudget(farm: FarmIdentity, minAvailable: number): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: farmMeta(farm, objectNames.budget(farm.name), "node"),
    spec: {
      minAvailable,
      selector: { matchLabels: selectorLabels(farm.name, "node") },
      // A pod that never became ready holds nothing up.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}
