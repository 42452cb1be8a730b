// Chunks that this client believes to have too few live copies are counted again from time to time: repair makes copies
// elsewhere, and a ledger that only remembers who took them at first would call a mended farm broken for ever.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import type { KnownCopies } from "./copies-ledger.ts";
import type { HeldQuestion } from "./held-question.ts";

export type RecountParts = {
  /** Chunks below the intended copies, at most so many. */
  below(chunksMax: number): readonly KnownCopies[];
  note(chunk: Address, holders: readonly PeerId[]): void;
  /** Where the chunk should be now. */
  closest(chunk: Address): readonly PeerId[];
  isLive(peer: PeerId): boolean;
  readonly held: HeldQuestion;
  readonly clock: Clock;
  readonly limits: { readonly recountMs: number; readonly recountMaxMs: number; readonly recountChunksMax: number };
  readonly stopping: AbortSignal;
};

/** To be called whenever something may have changed: copies noted, a node come or gone. */
export type CopiesRecount = () => void;

/** Counts in rounds while there is something below; a round that changes nothing doubles the rest before the next. */
export function createCopiesRecount(parts: RecountParts): CopiesRecount {
  const { clock, limits, stopping } = parts;
  let pauseMs = limits.recountMs;
  let pending: Timer | undefined;
  let dueMs = 0;
  const schedule = (): void => {
    if (stopping.aborted || pending !== undefined) return;
    dueMs = clock.monotonicMs() + pauseMs;
    pending = clock.after(pauseMs, () => void round());
  };
  const round = async (): Promise<void> => {
    dueMs = 0;
    const chunks = stopping.aborted ? [] : parts.below(limits.recountChunksMax);
    const changed = await Promise.all(chunks.map((known) => recount(parts, known)));
    pauseMs = changed.includes(true) ? limits.recountMs : Math.min(limits.recountMaxMs, pauseMs * 2);
    pending = undefined;
    if (chunks.length > 0) schedule();
  };
  stopping.addEventListener("abort", () => pending?.cancel(), { once: true });
  return () => {
    pauseMs = limits.recountMs;
    // Never later than it was due: changes that go on and on must not put it off.
    if (pending !== undefined && dueMs > clock.monotonicMs() + pauseMs) {
      pending.cancel();
      pending = undefined;
    }
    schedule();
  };
}

/** Whether other holders were found than those known. Who does not answer is believed to hold what it held. */
async function recount(parts: RecountParts, { chunk, holders }: KnownCopies): Promise<boolean> {
  const asked = [...new Set([...parts.closest(chunk), ...holders.filter(parts.isLive)])];
  const answers = await Promise.all(asked.map(async (peer) => ({ peer, answer: await parts.held.ask(peer, chunk, parts.stopping) })));
  const having = new Set(holders);
  for (const { peer, answer } of answers) {
    if (answer.kind === "held") having.add(peer);
    if (answer.kind === "not-held") having.delete(peer);
  }
  // Noted in any case: that puts the chunk behind those which wait for their turn.
  parts.note(chunk, [...having]);
  return having.size !== holders.length || holders.some((peer) => !having.has(peer));
}
