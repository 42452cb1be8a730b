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
  /** A copy was not made, and why. */
  onFailed(task: CopyTask, outcome: PushOutcome): void;
};

export type Copier = {
  /** Begins what can be begun now. */
  run(signal: AbortSignal): void;
  /** Copies on their way. */
  inFlight(): number;
  inFlightTo(peer: PeerId): number;
  /** Resolves once nothing is on its way. */
  idle(): Promise<void>;
  bytesCopied(): number;
};

/** A copier at rest. */
export function createCopier(parts: CopierParts): Copier {
  const { queue, limits, events } = parts;
  const under = new Map<PeerId, { readonly copies: number; readonly done: Promise<void> }>();
  let bytesCopied = 0;
  const settle = (task: CopyTask, outcome: PushOutcome | undefined): void => {
    if (outcome === "stored") {
      bytesCopied += task.size;
      events.copied(task.order.why, 1, task.size);
    } else if (outcome !== "held" && outcome !== "gone") {
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
      under.set(to, { copies: batch.length, done });
    }
  };
  return {
    run,
    inFlight: () => [...under.values()].reduce((sum, { copies }) => sum + copies, 0),
    inFlightTo: (peer) => under.get(peer)?.copies ?? 0,
    idle: async () => {
      while (under.size > 0) await Promise.all([...under.values()].map(({ done }) => done));
    },
    bytesCopied: () => bytesCopied,
  };
}
