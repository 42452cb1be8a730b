// What the memory store holds once a group is "on disk": the part that survives a crash.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { ChunkInfo, DiskUsage, PutEntry, PutOutcome, ReadOutcome, StoreHealth, VaultUsage } from "./chunk-store.ts";
import { ChunkStoreError } from "./chunk-store-error.ts";
import { freeReserve } from "./store-limits.ts";
import { chunkCost, createVaultAccounts, type DeclaredVault } from "./vault-accounts.ts";

/** `damage`: as on a disk, nobody knows of it before the chunk is read. */
type Held = ChunkInfo & { readonly bytes: Uint8Array; readonly damage: "none" | "unseen" | "seen" };

export type Shelf = {
  put(entry: PutEntry, nowMs: number, health: StoreHealth): PutOutcome;
  /** Throws a `ChunkStoreError` io while the store is read-only. */
  remove(address: Address, health: StoreHealth, only?: "damaged"): boolean;
  read(address: Address): ReadOutcome;
  info(address: Address): ChunkInfo | undefined;
  damage(address: Address): boolean;
  addresses(vault?: VaultName): Iterable<Address>;
  usages(): readonly VaultUsage[];
  /** How many vaults are full. */
  fullVaults(): number;
  disk(): DiskUsage;
  copy(): Shelf;
};

/** A shelf for these vaults on a pretended disk of `total` bytes, with what another one held. */
export function createShelf(vaults: readonly DeclaredVault[], total: number, content: Iterable<[Address, Held]> = []): Shelf {
  const held = new Map<Address, Held>();
  const accounts = createVaultAccounts(vaults);
  let live = 0;
  let cost = 0;
  const count = ({ vault, size }: Held, sign: 1 | -1): void => {
    live += sign * size;
    cost += sign * chunkCost(size);
    if (sign === 1) accounts.add(vault, size);
    else accounts.subtract(vault, size);
  };
  const keep = (address: Address, one: Held): void => {
    held.set(address, one);
    count(one, 1);
  };
  const drop = (address: Address): boolean => {
    const one = held.get(address);
    if (one !== undefined) count(one, -1);
    return held.delete(address);
  };
  for (const [address, one] of content) keep(address, one);
  return {
    put: ({ vault, address, bytes }, nowMs, health) => {
      if (isHeld(held.get(address))) return "held";
      if (health.mode === "read-only") return "read-only";
      const low = total - cost - chunkCost(bytes.length) < freeReserve(total);
      if (low || !accounts.fits(vault, bytes.length, 0)) return "full";
      drop(address);
      keep(address, { vault, size: bytes.length, storedAtMs: nowMs, bytes, damage: "none" });
      return "stored";
    },
    remove: (address, health, only) => {
      if (only === "damaged" && isHeld(held.get(address))) return false;
      if (health.mode === "read-only" && held.has(address)) throw new ChunkStoreError("io", `nothing can be removed: ${health.why}`);
      return drop(address);
    },
    read: (address) => {
      const one = held.get(address);
      if (one === undefined) return { kind: "absent" };
      if (one.damage === "none") return { kind: "found", bytes: one.bytes, vault: one.vault, release: () => {} };
      held.set(address, { ...one, damage: "seen" });
      return { kind: "damaged", vault: one.vault };
    },
    info: (address) => {
      const one = held.get(address);
      return one === undefined || !isHeld(one) ? undefined : { vault: one.vault, size: one.size, storedAtMs: one.storedAtMs };
    },
    damage: (address) => {
      const one = held.get(address);
      if (one !== undefined) held.set(address, { ...one, damage: "unseen" });
      return one !== undefined;
    },
    addresses: (vault) => addressesOf(held, vault),
    usages: () => accounts.usages(),
    fullVaults: () => accounts.usages().filter(({ full }) => full).length,
    disk: () => ({ live, dead: 0, overhead: cost - live, free: total - cost, total }),
    copy: () => createShelf(vaults, total, held),
  };
}

// A chunk known to be damaged is not held any more: the next put brings it back.
function isHeld(one: Held | undefined): boolean {
  return one !== undefined && one.damage !== "seen";
}

function* addressesOf(held: ReadonlyMap<Address, Held>, vault: VaultName | undefined): Iterable<Address> {
  for (const [address, one] of held) if (isHeld(one) && (vault === undefined || one.vault === vault)) yield address;
}
