// Where the pod of a vault node is placed: near its zone and away from its own kind, and what a person asks for besides. The
// person's terms are added; none of ours goes.
import type { NodeAffinity, PodTerm } from "../api/affinity-spec.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { selectorLabels } from "./names.ts";

type Fields = Readonly<Record<string, unknown>>;

/** `affinity` of the pod. `zone`: empty where the cluster has none. */
export function vaultNodeAffinity(farm: string, { topology, pod }: VaultFarmSpec, zone: string): Fields {
  const { nodeAffinity, podAffinity, podAntiAffinity = {} } = pod.affinity ?? {};
  const apart: PodTerm = { topologyKey: topology.hostKey, labelSelector: { matchLabels: selectorLabels(farm, "node") } };
  const isRequired = topology.spread === "Required";
  const required = [...(isRequired ? [apart] : []), ...(podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution ?? [])];
  const preferred = [
    ...(isRequired ? [] : [{ weight: 100, podAffinityTerm: apart }]),
    ...(podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? []),
  ];
  return {
    podAntiAffinity: {
      ...(required.length === 0 ? {} : { requiredDuringSchedulingIgnoredDuringExecution: required }),
      ...(preferred.length === 0 ? {} : { preferredDuringSchedulingIgnoredDuringExecution: preferred }),
    },
    ...(podAffinity === undefined ? {} : { podAffinity }),
    ...inZone(nodeAffinity, topology.zoneKey, zone),
  };
}

// Terms are alternatives: the zone belongs into each of them.
function inZone(wished: NodeAffinity | undefined, key: string, zone: string): { readonly nodeAffinity?: NodeAffinity } {
  if (zone === "") return wished === undefined ? {} : { nodeAffinity: wished };
  const terms = wished?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [{ matchExpressions: [] }];
  const own = { key, operator: "In", values: [zone] } as const;
  const nodeSelectorTerms = terms.map(({ matchExpressions }) => ({ matchExpressions: [...matchExpressions, own] }));
  return { nodeAffinity: { ...wished, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}
