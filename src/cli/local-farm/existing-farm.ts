// What a manifest may ask of a farm that exists already: more or fewer nodes, larger vaults, other gateways. What would lose data
// or break what the network was begun with is refused, with the value that fits.
import type { ManifestProblem } from "../../operator/api/problem.ts";
import { writeQuantity } from "../../operator/api/quantity.ts";
import type { VaultFarmSpec } from "../../operator/api/vault-farm.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { FarmState } from "./farm-state.ts";

/** How a farm runs now: the nodes that it is brought to, the rest as remembered. */
export type RunningFarm = Pick<FarmState, "gateways" | "vaultCapacity"> & { readonly wantedNodes: number };

/** What `spec` and `port` ask for that the running farm does not carry out, in a few words each. Pure. */
export function changesLeftOut(spec: VaultFarmSpec, state: RunningFarm, port?: number): readonly string[] {
  const first = state.gateways[0]?.port;
  const wishes: readonly (readonly [string, number, number])[] = [
    ["nodes", spec.replicas, state.wantedNodes],
    ["gateways", spec.gateway.replicas, state.gateways.length],
    ["MiB a vault", spec.vaultCapacity / 2 ** 20, state.vaultCapacity / 2 ** 20],
  ];
  const left = wishes.filter(([, wanted, is]) => wanted !== is).map(([what, wanted, is]) => `${wanted} ${what} instead of ${is}`);
  return port === undefined || port === first ? left : [...left, `port ${port} instead of ${first ?? "none"}`];
}

/** Why no farm can have the nodes of `spec`, undefined where it can. Pure. */
export function nodesProblem({ replicas, copies }: Pick<VaultFarmSpec, "replicas" | "copies">): string | undefined {
  if (replicas >= copies.min) return undefined;
  return `expected ${copies.min} or more, got ${replicas}: every chunk is kept on ${copies.min} nodes (spec.copies.min), and a local farm is put to rest with vaultfarm down`;
}

/** Every reason why `spec` cannot be carried out on the farm remembered as `state`, whose network has the policy `copies`. Pure. */
export function conflictsWithFarm(spec: VaultFarmSpec, state: FarmState, copies: CopiesPolicy): readonly ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  const refuse = (field: string, why: string): number => problems.push({ field, message: `${field}: ${why}` });
  if (spec.vaultsPerNode !== state.vaultsPerNode)
    refuse(
      "spec.vaultsPerNode",
      `fixed at ${state.vaultsPerNode} when the farm was made, got ${spec.vaultsPerNode}; use another name for another farm`,
    );
  if (spec.vaultCapacity < state.vaultCapacity)
    refuse(
      "spec.vaultCapacity",
      `on this machine it may only grow, expected ${writeQuantity(state.vaultCapacity)} or more, got ${writeQuantity(spec.vaultCapacity)}; for less run fewer nodes (vaultfarm scale), for smaller vaults make a farm of another name`,
    );
  for (const key of ["min", "target", "max"] as const)
    if (spec.copies[key] !== copies[key])
      refuse(`spec.copies.${key}`, `fixed at ${copies[key]} when the network began, got ${spec.copies[key]}`);
  return problems;
}
