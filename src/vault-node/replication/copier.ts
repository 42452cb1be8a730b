// Makes the copies that are queued: a few messages on their way at a time, one to a node, within the bytes a second.
import type { Address } from "../../protocol/address.ts";
import { chunksPerMessageMax } from "../../protocol/limits.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { CopyQueue, CopyTask, TaskBatch } from "./copy-queue.ts";
import { type PusherParts, type PushOutcome, push } from "./pusher.ts";
import type { ReplicationEvents } from "./replication-events.ts";
import type { ReplicationLimits } from "./replication-limits.ts";

export type CopierParts = {
  readonly queue: CopyQueue;
  readonly pusher: PusherParts;
  readonly limits: Pick<ReplicationLimits, "pushesInFlight" | "pushBytesMax">;
  readonly events: ReplicationEvents;
  /** A node has the copy now: it took it, or held it already. */
  onMade(task: CopyTask, outcome: "stored" | "held"): void;
  /** A copy was not made, and why; it is to be looked at again. */
  onFailed(task: CopyTask, outcome: PushOutcome): void;
};

export type Copier = {
  /** Begins what can be begun now. */
  run(signal: AbortSignal): void;
  /** Copies on their way. */
  inFlight(): number;
  /** Those of them that repair, and their bytes. */
  repairsInFlight(): { readonly copies: number; readonly bytes: number };
  inFlightTo(peer: PeerId): number;
  /** Resolves once nothing is on its way. */
  idle(): Promise<void>;
  bytesCopied(): number;
};

/** A copier at rest. */
export function createCopier(parts: CopierParts): Copier {
  const { queue, limits, events } = parts;
  const under = new Map<PeerId, { readonly batch: TaskBatch; readonly done: Promise<void> }>();
  let bytesCopied = 0;
  const settle = (task: CopyTask, outcome: PushOutcome | undefined): void => {
    if (outcome === "stored" || outcome === "held") parts.onMade(task, outcome);
    if (outcome === "stored") {
      bytesCopied += task.size;
      events.copied(task.order.why, 1, task.size);
    } else if (outcome === "held" || outcome === "coming") {
      events.spared(outcome, 1, task.size);
      if (outcome === "coming") parts.onFailed(task, outcome);
    } else if (outcome === "unread") {
      parts.onFailed(task, outcome);
    } else if (outcome !== "gone") {
      events.copyFailed(outcome === "silent" || outcome === undefined ? "silent" : "refused", 1);
      parts.onFailed(task, outcome ?? "silent");
    }
  };
  const carryOut = async (batch: TaskBatch, signal: AbortSignal): Promise<void> => {
    const { to, vault } = batch[0].order;
    const chunks = batch.map(({ address }) => address);
    const outcomes = await push(parts.pusher, { to, vault, chunks }, signal).catch(() => new Map<Address, PushOutcome>());
    if (signal.aborted) return;
    for (const task of batch) settle(task, outcomes.get(task.address));
  };
  const run = (signal: AbortSignal): void => {
    while (under.size < limits.pushesInFlight && !signal.aborted) {
      const batch = queue.take(new Set(under.keys()), { chunks: chunksPerMessageMax, bytes: limits.pushBytesMax });
      if (batch === undefined) return;
      const { to } = batch[0].order;
      const done = carryOut(batch, signal).then(() => {
        under.delete(to);
        run(signal);
      });
      under.set(to, { batch, done });
    }
  };
  return {
    run,
    inFlight: () => [...under.values()].reduce((sum, { batch }) => sum + batch.length, 0),
    repairsInFlight: () => {
      const repairs = [...under.values()].flatMap(({ batch }) => batch.filter(({ order }) => order.why === "repair"));
      return { copies: repairs.length, bytes: repairs.reduce((sum, { size }) => sum + size, 0) };
    },
    inFlightTo: (peer) => under.get(peer)?.batch.length ?? 0,
    idle: async () => {
      while (under.size > 0) await Promise.all([...under.values()].map(({ done }) => done));
    },
    bytesCopied: () => bytesCopied,
  };
}
