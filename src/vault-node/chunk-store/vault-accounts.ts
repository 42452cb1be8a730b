// What each vault uses of its declared capacity, overhead included. Plain arithmetic, the same for both stores.
import type { VaultName } from "../../protocol/keys.ts";
import type { VaultUsage } from "./chunk-store.ts";
import { entryHeaderBytes } from "./log-entry.ts";
import { fullShare, indexBytesPerEntry } from "./store-limits.ts";

export type DeclaredVault = { readonly vault: VaultName; readonly capacity: number };

/** Bytes used and chunks held, as they lie in the index. */
export type AccountFigures = { readonly used: number; readonly chunks: number };

export type VaultAccounts = {
  /** Whether a chunk of `size` bytes still fits the vault, `waiting` bytes being on their way to it. */
  fits(vault: VaultName, size: number, waiting: number): boolean;
  /** Counts a chunk in; true where this made the vault full. */
  add(vault: VaultName, size: number): boolean;
  /** Counts a chunk out; true where this ended the vault's fullness. */
  subtract(vault: VaultName, size: number): boolean;
  set(vault: VaultName, figures: AccountFigures): void;
  figures(): ReadonlyMap<VaultName, AccountFigures>;
  usages(): readonly VaultUsage[];
  /** All vaults together. */
  total(): AccountFigures;
};

/** What a chunk of `size` bytes costs its vault: bytes, header and its part of the index. */
export function chunkCost(size: number): number {
  return size + entryHeaderBytes + indexBytesPerEntry;
}

type Account = { capacity: number; used: number; chunks: number };

/** Accounts of these vaults, empty. A vault that is not declared has no capacity; what it holds is still counted. */
export function createVaultAccounts(vaults: readonly DeclaredVault[]): VaultAccounts {
  const accounts = new Map<VaultName, Account>(vaults.map(({ vault, capacity }) => [vault, { capacity, used: 0, chunks: 0 }]));
  let used = 0;
  let chunks = 0;
  const of = (vault: VaultName): Account => {
    const account = accounts.get(vault) ?? { capacity: 0, used: 0, chunks: 0 };
    accounts.set(vault, account);
    return account;
  };
  const isFull = ({ used, capacity }: Account): boolean => used >= capacity * fullShare;
  const change = (vault: VaultName, size: number, sign: 1 | -1): boolean => {
    const account = of(vault);
    const before = isFull(account);
    account.used += sign * chunkCost(size);
    account.chunks += sign;
    used += sign * chunkCost(size);
    chunks += sign;
    return isFull(account) !== before;
  };
  return {
    fits: (vault, size, waiting) => {
      const account = accounts.get(vault);
      return account !== undefined && account.used + waiting + chunkCost(size) <= account.capacity;
    },
    add: (vault, size) => change(vault, size, 1),
    subtract: (vault, size) => change(vault, size, -1),
    set: (vault, figures) => {
      const account = of(vault);
      used += figures.used - account.used;
      chunks += figures.chunks - account.chunks;
      Object.assign(account, figures);
    },
    figures: () => new Map([...accounts].map(([vault, account]) => [vault, { used: account.used, chunks: account.chunks }])),
    usages: () => [...accounts].map(([vault, account]) => ({ vault, ...account, full: isFull(account) })),
    total: () => ({ used, chunks }),
  };
}
