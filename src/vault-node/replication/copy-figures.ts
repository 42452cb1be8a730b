// What a node publishes of the chunks that it counts: how many live copies they have, what is under way, what waits.
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { CopyFigures } from "../../protocol/node-figures.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Copier } from "./copier.ts";
import type { CopyBook } from "./copy-book.ts";
import type { CopyQueue } from "./copy-queue.ts";
import { tierOf } from "./copy-tier.ts";
import type { KeepView } from "./keep-view.ts";

export type CopyFiguresParts = {
  readonly policy: CopiesPolicy;
  readonly bytesPerSecond: number;
  readonly book: Pick<CopyBook, "count">;
  readonly queue: Pick<CopyQueue, "figures">;
  readonly copier: Pick<Copier, "repairsInFlight">;
  readonly view: Pick<KeepView, "nextLossMs">;
};

/** The figures of now. What is below target and not under way waits: for the next silent node to count as lost. */
export function copyFigures(
  { policy, bytesPerSecond, book, queue, copier, view }: CopyFiguresParts,
  isLive: (peer: PeerId) => boolean,
): CopyFigures {
  const { live, onLeavers, partial } = book.count(isLive);
  const queued = queue.figures();
  const under = copier.repairsInFlight();
  const repairing = queued.chunks + under.copies;
  const bytesLeft = queued.chunks === 0 ? under.bytes : queued.bytes + under.bytes;
  const below = live.slice(0, policy.target);
  const waiting = Math.max(0, below.reduce((sum, chunks) => sum + chunks, 0) - repairing);
  const dueMs = below.flatMap((chunks, copies) => (chunks === 0 ? [] : (view.nextLossMs(tierOf(copies, policy.min)) ?? [])));
  return {
    live,
    partial,
    onLeavers,
    repairing,
    bytesLeft,
    etaMs: Math.ceil((bytesLeft / bytesPerSecond) * 1000),
    waiting,
    dueMs: waiting === 0 || dueMs.length === 0 ? null : Math.ceil(Math.min(...dueMs)),
  };
}
