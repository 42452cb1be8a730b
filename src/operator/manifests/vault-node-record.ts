// The VaultNode that stands for a node: what the operator decided of it, never what a person wants (`spec.desired`).
import { apiVersion } from "../api/vault-farm.ts";
import type { AssignedSpec } from "../api/vault-node.ts";
import { annotations, type FarmIdentity, labels, type Manifest, nodeFinalizer, objectLabels, ownedByFarm } from "./names.ts";

/** `byHand`: a person made it, and it stays known as such; `seal`: on what was decided, see `sealDecision`. */
export type RecordNotes = { readonly byHand?: boolean; readonly seal?: string };

/** The record as it is applied by the operator: exactly the fields that belong to it. */
export function vaultNodeRecord(
  farm: FarmIdentity,
  name: string,
  assigned: AssignedSpec,
  { byHand = false, seal }: RecordNotes = {},
): Manifest {
  const notes = { ...(byHand ? {} : { [annotations.madeBy]: "operator" }), ...(seal === undefined ? {} : { [annotations.seal]: seal }) };
  return {
    apiVersion,
    kind: "VaultNode",
    metadata: {
      name,
      namespace: farm.namespace,
      labels: { ...objectLabels(farm, "node"), [labels.node]: name },
      ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
      finalizers: [nodeFinalizer],
      ownerReferences: [ownedByFarm(farm)],
    },
    spec: { farm: farm.name, assigned },
  };
}
