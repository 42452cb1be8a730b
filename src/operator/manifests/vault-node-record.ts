// The VaultNode that stands for a node: what the operator decided of it, never what a person wants (`spec.desired`).
import { apiVersion } from "../api/vault-farm.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import { annotations, type FarmIdentity, labels, type Manifest, nodeFinalizer, objectLabels, ownedByFarm } from "./names.ts";

/** The record as it is applied by the operator: exactly the fields that belong to it. `byHand`: a person made it, and it stays known as such. */
export function vaultNodeRecord(farm: FarmIdentity, name: string, assigned: AssignedSpec, byHand = false): Manifest {
  return {
    apiVersion,
    kind: "VaultNode",
    metadata: {
      name,
      namespace: farm.namespace,
      labels: { ...objectLabels(farm, "node"), [labels.node]: name },
      ...(byHand ? {} : { annotations: { [annotations.madeBy]: "operator" } }),
      finalizers: [nodeFinalizer],
      ownerReferences: [ownedByFarm(farm)],
    },
    spec: { farm: farm.name, assigned },
  };
}
