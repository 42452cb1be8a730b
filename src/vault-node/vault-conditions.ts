// What each vault of the node says of itself now: wanted state, store health, room on the disk and its own fullness,
// looked at again and again and turned into one state by the pure rule of hosted-vault.ts.
import type { VaultName } from "../protocol/keys.ts";
import { chunkSizeMax } from "../protocol/limits.ts";
import { type DesiredState, takesNewChunks, type VaultState } from "../protocol/states.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { freeReserve, fullShare } from "./chunk-store/store-limits.ts";
import { type HostedVault, vaultStateOf } from "./hosted-vault.ts";

/** `used` in bytes. */
export type VaultCondition = { readonly vault: HostedVault; readonly state: VaultState; readonly used: number; readonly chunks: number };

export type VaultConditions = {
  stateOf(vault: VaultName): VaultState;
  /** Whether it takes nothing new for want of room only, its own or the disk's. */
  isFull(vault: VaultName): boolean;
  /** Whether it takes new chunks, the largest among them. */
  hasRoom(vault: VaultName): boolean;
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
  /** Bytes beside the store that count against a vault's declared size. */
  bytesBeside?(vault: VaultName): number;
};

/** The conditions as the store has them at the call. */
export function createVaultConditions({ vaults, store, desired, joined, bytesBeside = () => 0 }: ConditionParts): VaultConditions {
  let wanted = desired;
  let lowDisk = false;
  let conditions: ReadonlyMap<VaultName, VaultCondition> = new Map();
  const look = (): void => {
    const usages = new Map(store.vaults().map((usage) => [usage.vault, usage]));
    const node = { desired: wanted, joined: joined(), writable: store.health().mode === "writable", lowDisk };
    conditions = new Map(
      vaults.map((vault) => {
        const { used: stored = 0, chunks = 0 } = usages.get(vault.name) ?? {};
        const used = stored + bytesBeside(vault.name);
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
    hasRoom: (vault) => {
      const one = conditions.get(vault);
      return one !== undefined && takesNewChunks(one.state) && one.used + chunkSizeMax < one.vault.capacity * fullShare;
    },
    isFull: (vault) => conditions.get(vault)?.state === "cordoned" && wanted === "active" && store.health().mode === "writable",
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
