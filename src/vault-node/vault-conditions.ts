// What each vault of the node says of itself now: wanted state, store health, room on the disk and its own fullness,
// looked at again and again and turned into one state by the pure rule of hosted-vault.ts.
import type { VaultName } from "../protocol/keys.ts";
import type { DesiredState, VaultState } from "../protocol/states.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { freeReserve } from "./chunk-store/store-limits.ts";
import { type HostedVault, vaultStateOf } from "./hosted-vault.ts";

/** `used` in bytes. */
export type VaultCondition = { readonly vault: HostedVault; readonly state: VaultState; readonly used: number; readonly chunks: number };

export type VaultConditions = {
  stateOf(vault: VaultName): VaultState;
  all(): readonly VaultCondition[];
  desired(): DesiredState;
  setDesired(state: DesiredState): void;
  /** Takes the store's figures of now. */
  look(): void;
  /** Asks the file system how much is free, then looks. */
  lookAtDisk(): Promise<void>;
};

export type ConditionParts = {
  readonly vaults: readonly HostedVault[];
  readonly store: ChunkStore;
  readonly desired: DesiredState;
  /** Whether the node is part of its network, or founds it. */
  joined(): boolean;
};

/** The conditions as the store has them at the call. */
export function createVaultConditions({ vaults, store, desired, joined }: ConditionParts): VaultConditions {
  let wanted = desired;
  let lowDisk = false;
  let conditions: ReadonlyMap<VaultName, VaultCondition> = new Map();
  const look = (): void => {
    const usages = new Map(store.vaults().map((usage) => [usage.vault, usage]));
    const node = { desired: wanted, joined: joined(), writable: store.health().mode === "writable", lowDisk };
    conditions = new Map(
      vaults.map((vault) => {
        const { used = 0, chunks = 0 } = usages.get(vault.name) ?? {};
        return [vault.name, { vault, used, chunks, state: vaultStateOf({ ...node, used, capacity: vault.capacity }) }];
      }),
    );
  };
  const lookAtDisk = async (): Promise<void> => {
    const { free, total } = await store.disk();
    lowDisk = free < freeReserve(total);
    look();
  };
  look();
  return {
    stateOf: (vault) => conditions.get(vault)?.state ?? "offline",
    all: () => [...conditions.values()],
    desired: () => wanted,
    setDesired: (state) => {
      wanted = state;
      look();
    },
    look,
    lookAtDisk,
  };
}
