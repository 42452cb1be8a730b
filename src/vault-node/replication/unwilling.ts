// Vaults that are passed over for a while: those that said that they take nothing now, and those that do not take a copy however often
// it is sent, though their node is there. Without these a chunk would wait for one of them for ever, while others have room.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";

export type UnwillingLimits = {
  /** How long a vault is passed over, milliseconds; then it is tried again. */
  readonly passedForMs: number;
  /** Copies must fail this often, one after another, and for this long: who is busy for a moment is waited for. */
  readonly failuresMin: number;
  readonly patienceMs: number;
  /** Chunks remembered, the oldest go first: about 300 bytes each. What is forgotten is counted anew. */
  readonly chunksMax: number;
};

export type Unwilling = {
  /** A vault said that it takes nothing now. */
  takesNothing(vault: VaultName): void;
  /** A copy could not be made there. */
  failed(vault: VaultName, chunk: Address): void;
  /** A vault took a copy. */
  took(vault: VaultName, chunk: Address): void;
  /** Whether it said lately that it takes nothing. */
  saidNo(vault: VaultName): boolean;
  /** Whether it does not take this chunk, or none at all, without saying so. */
  fails(vault: VaultName, chunk: Address): boolean;
};

type Failing = { times: number; readonly sinceMs: number; untilMs: number };

/** All are willing. `nowMs`: monotonic. */
export function createUnwilling(nowMs: () => number, limits: UnwillingLimits): Unwilling {
  const full = new Map<VaultName, number>();
  const vaults = new Map<string, Failing>();
  const chunks = new Map<string, Failing>();
  const note = (failing: Map<string, Failing>, name: string): void => {
    const one = failing.get(name) ?? { times: 0, sinceMs: nowMs(), untilMs: 0 };
    one.times += 1;
    if (one.times >= limits.failuresMin && nowMs() - one.sinceMs >= limits.patienceMs) one.untilMs = nowMs() + limits.passedForMs;
    failing.set(name, one);
    const [oldest] = failing.keys();
    if (failing.size > limits.chunksMax && oldest !== undefined) failing.delete(oldest);
  };
  const isPassed = (failing: Failing | undefined): boolean => failing !== undefined && failing.untilMs > nowMs();
  return {
    takesNothing: (vault) => void full.set(vault, nowMs() + limits.passedForMs),
    failed: (vault, chunk) => {
      note(vaults, vault);
      note(chunks, nameOf(vault, chunk));
    },
    took: (vault, chunk) => {
      vaults.delete(vault);
      chunks.delete(nameOf(vault, chunk));
    },
    saidNo: (vault) => (full.get(vault) ?? 0) > nowMs(),
    fails: (vault, chunk) => isPassed(vaults.get(vault)) || isPassed(chunks.get(nameOf(vault, chunk))),
  };
}

function nameOf(vault: VaultName, chunk: Address): string {
  return `${vault} ${chunk}`;
}
