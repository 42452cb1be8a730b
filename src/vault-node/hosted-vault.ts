// A vault of this node: its key, name and declared size; and the pure rule for what it says of itself.
import type { SigningKey, VaultName } from "../protocol/keys.ts";
import { vaultName } from "../protocol/keys.ts";
import type { DesiredState, VaultState } from "../protocol/states.ts";
import { fullShare } from "./chunk-store/store-limits.ts";

/** `capacity` in bytes. */
export type HostedVault = { readonly name: VaultName; readonly key: SigningKey; readonly capacity: number };

/** The vaults of these keys, each with the same capacity in bytes. */
export function hostVaults(keys: readonly SigningKey[], capacity: number): readonly HostedVault[] {
  return keys.map((key) => ({ name: vaultName(key.publicKey), key, capacity }));
}

/** The vault's name as it stands in metrics: 12 digits tell the vaults of a farm apart. */
export function shortName(vault: VaultName): string {
  return vault.slice(0, 12);
}

/** What decides a vault's state. `lowDisk`: the file system has less free than every vault of the node must leave. */
export type VaultFacts = {
  readonly desired: DesiredState;
  readonly joined: boolean;
  readonly writable: boolean;
  readonly lowDisk: boolean;
  readonly used: number;
  readonly capacity: number;
};

/** The state of a vault: what is wanted of the node, or stricter where the vault or its disk cannot. */
export function vaultStateOf(facts: VaultFacts): VaultState {
  if (facts.desired !== "active") return facts.desired;
  const able = facts.writable && !facts.lowDisk && facts.used < facts.capacity * fullShare;
  if (!able) return "cordoned";
  return facts.joined ? "active" : "joining";
}
