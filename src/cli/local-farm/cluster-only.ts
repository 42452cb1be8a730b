// Which wishes of a manifest a local farm does not carry out, because only a cluster has what they speak of.
import { apiVersion, type VaultFarmSpec, vaultFarmSchema } from "../../operator/api/vault-farm.ts";

/** Fields of `spec` that count in a cluster only, as their descriptions say; what lies below them does too. */
export const clusterOnlyFields: readonly string[] = [
  "gateway.redisSecretRef",
  "gateway.service",
  "gateway.ingress",
  "gateway.httpRoute",
  "gateway.resources",
  "network.keySecretRef",
  "storage.storageClassName",
  "storage.accessModes",
  "storage.autogrow",
  "topology.zoneKey",
  "topology.hostKey",
  "topology.spread",
  "pod",
  "update.behaviourVersion",
  "monitoring",
  "paused",
];

/** Those of them that `spec` has otherwise than a manifest that is silent on them, with their full names. Pure. */
export function clusterOnlyWishes(spec: VaultFarmSpec): readonly string[] {
  const { replicas, vaultCapacity } = spec;
  const silent = vaultFarmSchema.parse({
    apiVersion,
    kind: "VaultFarm",
    metadata: { name: "farm" },
    spec: { replicas, vaultCapacity },
  }).spec;
  const differs = (path: string): boolean => JSON.stringify(valueAt(spec, path)) !== JSON.stringify(valueAt(silent, path));
  return clusterOnlyFields.filter(differs).map((path) => `spec.${path}`);
}

function valueAt(spec: VaultFarmSpec, path: string): unknown {
  return path.split(".").reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), spec);
}
