// Copies that are one too many: looked at twice, a while apart, then dropped in the background after the proofs of others, some at a
// time. Nothing waits for it: a node that gives no proof, or gives it late, must hold up no repair; and what was not proven is tried again.
import type { Address } from "../../protocol/address.ts";
import { auditChunksMax } from "../../protocol/limits.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { auditLimits } from "../audit/audit-limits.ts";
import type { Looked } from "./chunk-look.ts";
import type { Reminders } from "./reminders.ts";
import type { ReplicationLimits } from "./replication-limits.ts";
import { type Surplus, type TrimParts, trim } from "./trimmer.ts";

export type SurplusParts = {
  readonly trim: TrimParts;
  readonly reminders: Pick<Reminders, "set">;
  readonly clock: Clock;
  readonly log: Pick<Log, "error">;
  readonly limits: Pick<ReplicationLimits, "trimAfterMs" | "remindersMax">;
};

export type SurplusCopies = {
  /** What a look at these chunks found; what is not here any more was not `looked` at. Begins to drop what may go, unless that is under way. */
  note(addresses: readonly Address[], looked: ReadonlyMap<Address, Looked>, signal: AbortSignal): void;
};

/** None are known yet. */
export function createSurplusCopies(parts: SurplusParts): SurplusCopies {
  const { clock, limits, reminders, log } = parts;
  // Since when a copy is seen to be one too many, or was last tried.
  const since = new Map<Address, number>();
  let isDropping = false;
  const drop = async (surplus: readonly Surplus[], signal: AbortSignal): Promise<void> => {
    const endMs = clock.monotonicMs() + limits.trimAfterMs;
    for (const slice of slicesOf(parts.trim, surplus)) {
      if (clock.monotonicMs() >= endMs) return;
      for (const { address } of slice) since.set(address, clock.monotonicMs());
      await trim(parts.trim, slice, signal);
      for (const { address } of slice) if (parts.trim.store.info(address) === undefined) since.delete(address);
    }
  };
  const ripe = (looked: ReadonlyMap<Address, Looked>): readonly Surplus[] => {
    const nowMs = clock.monotonicMs();
    const found: (Surplus & { readonly sinceMs: number })[] = [];
    for (const [address, { plan }] of looked) {
      const sinceMs = since.get(address) ?? nowMs;
      if (plan.proofs.length === 0) {
        since.delete(address);
        continue;
      }
      const dueMs = sinceMs + limits.trimAfterMs;
      if (dueMs <= nowMs) found.push({ address, proofs: plan.proofs, sinceMs });
      else if (since.size < limits.remindersMax) since.set(address, sinceMs);
      reminders.set(address, { kind: "again", dueMs: dueMs <= nowMs ? nowMs + limits.trimAfterMs : dueMs, spare: true });
    }
    // Those tried in vain come last.
    return found.sort((a, b) => a.sinceMs - b.sinceMs);
  };
  return {
    note: (addresses, looked, signal) => {
      for (const address of addresses) if (!looked.has(address)) since.delete(address);
      const surplus = ripe(looked);
      if (isDropping || surplus.length === 0) return;
      isDropping = true;
      void drop(surplus, signal)
        .catch((cause: unknown) => {
          if (!signal.aborted) log.error("copies too many could not be dropped; they are tried again", { cause });
        })
        .finally(() => {
          isDropping = false;
        });
    },
  };
}

/** As many together as one question for proofs takes. */
function slicesOf({ store }: TrimParts, surplus: readonly Surplus[]): readonly (readonly Surplus[])[] {
  const slices: Surplus[][] = [];
  let bytes = 0;
  for (const one of surplus) {
    const size = store.info(one.address)?.size ?? 0;
    const last = slices.at(-1);
    const fits = last !== undefined && last.length < auditChunksMax && bytes + size <= auditLimits.bytesPerRequestMax;
    if (fits) last.push(one);
    else slices.push([one]);
    bytes = fits ? bytes + size : size;
  }
  return slices;
}
