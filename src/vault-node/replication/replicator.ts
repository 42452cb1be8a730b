// Keeps every chunk of this node at its intended copies. Level-driven: a look compares what should be with what is and
// queues what is missing; nothing is remembered that a restart could lose. Looks are caused by changes of the lasting
// view, by fresh chunks, by the passing of time, and by hints from others.
import type { Directory } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { OwedChunksReply } from "../../protocol/messages/owed-chunks.ts";
import type { CopyFigures } from "../../protocol/node-figures.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { RefusalReason } from "../../protocol/receipt.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { rareLog } from "../../runtime/rare-log.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import type { OfferedCopy } from "../scores/refusals.ts";
import { createBytePace } from "./byte-pace.ts";
import { type Copier, createCopier } from "./copier.ts";
import { type CopyBook, createCopyBook } from "./copy-book.ts";
import { copyFigures } from "./copy-figures.ts";
import { type CopyQueue, createCopyQueue, type QueueFigures } from "./copy-queue.ts";
import { type FetcherParts, fetchBack } from "./fetcher.ts";
import { handOver } from "./hand-over.ts";
import { createJoining, type Joining } from "./joining.ts";
import { createKeepView, type KeepView } from "./keep-view.ts";
import { createLooks, type Looks, rankAt } from "./looks.ts";
import { createLostChunks } from "./lost-chunks.ts";
import { isRefusal, type PusherParts } from "./pusher.ts";
import { createReminders, type Reminders } from "./reminders.ts";
import { type ReplicationEvents, silentReplicationEvents } from "./replication-events.ts";
import type { ReplicationLimits } from "./replication-limits.ts";
import { createUnwilling, type UnwillingLimits } from "./unwilling.ts";

export type ReplicatorParts = {
  readonly genesis: Genesis;
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Directory;
  readonly store: ChunkStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ReplicationLimits;
  /** This node's own grant; null where it has none: then it can make no copies. */
  grant(): Uint8Array | null;
  /** Whether this node has met the network. */
  joined(): boolean;
  /** Whether this node takes part now: not while it is fenced or offline. */
  serves(): boolean;
  onDamaged(vault: VaultName, address: Address): void;
  /** A node sent other bytes than those of the chunk asked for. */
  onWrongBytes(peer: PeerId, address: Address): void;
  /** A vault refused a copy that it should have, or took one. */
  onRefused(offered: OfferedCopy, reason: RefusalReason): void;
  onTaken(offered: OfferedCopy): void;
  /** Nodes whose claims do not count: their copies are made elsewhere. */
  distrusted(): ReadonlySet<PeerId>;
  readonly events?: ReplicationEvents;
  /** Absent: no copy is ever dropped. */
  readonly auditor?: Auditor;
};

/** What repair is about to do. `etaSeconds`: at the pace of this node alone; null where nothing waits. */
export type ReplicationProgress = QueueFigures & {
  readonly inFlight: number;
  readonly bytesCopied: number;
  readonly etaSeconds: number | null;
  /** Whether chunks are being looked through now. */
  readonly looking: boolean;
};

export type Replicator = {
  start(): void;
  /** Resolves once nothing is on its way. */
  stop(): Promise<void>;
  /** Whether this node has everything that is its own. */
  complete(): boolean;
  /** Chunks became durable here. */
  stored(addresses: readonly Address[]): void;
  /** Chunks that may lack copies. */
  hint(addresses: Iterable<Address>): void;
  /** A chunk was lost here and must come from another holder. */
  lost(address: Address): void;
  /** Copies what is young or short and would have fewer than `min` copies without this node. Bounded, never rejects. */
  handOver(): Promise<void>;
  /** What this node owes a peer in this start of it. */
  owed(peer: PeerId, startCounter: number): OwedChunksReply;
  progress(): ReplicationProgress;
  /** Who should keep what, as repair sees it. */
  readonly view: Pick<KeepView, "around" | "answering" | "isHere" | "keeperAt" | "keepers">;
  /** What is published of the chunks that this node counts. */
  figures(isLive: (peer: PeerId) => boolean): CopyFigures;
};

// An own timer this late means that this machine slept (protocol 2).
const pauseLateMs = 2_000;

/** A replicator at rest. */
export function createReplicator(parts: ReplicatorParts): Replicator {
  const { clock, limits } = parts;
  const log = rareLog(parts.log, clock);
  const organs = createOrgans(parts);
  const { view, queue, copier, reminders, joining, looks } = organs;
  const stopping = new AbortController();
  const { signal } = stopping;
  const lost = createLostChunks({
    fetch: (address) => fetchBack(organs.fetcher, address, signal),
    log,
    chunksMax: limits.remindersMax,
    signal,
  });
  let timer: Timer | undefined;
  let dueMs = 0;
  const settledAtMs = clock.monotonicMs() + limits.settleMs;
  const tick = async (): Promise<void> => {
    if (clock.monotonicMs() - dueMs > pauseLateMs) view.forgive();
    view.tick();
    if (parts.serves()) {
      lost.begin();
      await looks.lookIfDue(stopping.signal);
      if (parts.grant() !== null) copier.run(stopping.signal);
      if (parts.joined() && clock.monotonicMs() >= settledAtMs) await joining.ask(stopping.signal);
    }
  };
  const again = (): void => {
    if (stopping.signal.aborted) return;
    dueMs = clock.monotonicMs() + limits.tickMs;
    timer = clock.after(limits.tickMs, () => {
      tick()
        .catch((cause: unknown) => {
          if (!stopping.signal.aborted) log.error("looking after copies failed; it goes on with the next look", { cause });
        })
        .finally(again);
    });
  };
  return {
    start: again,
    stop: async () => {
      stopping.abort();
      timer?.cancel();
      view.stop();
      queue.clear();
      await Promise.all([copier.idle(), lost.idle()]);
    },
    complete: joining.complete,
    stored: (addresses) => {
      const reminder = { kind: "fresh", dueMs: clock.monotonicMs() + limits.freshAfterMs } as const;
      for (const address of addresses) reminders.set(address, reminder);
    },
    hint: (addresses) => {
      // Who waits for its turn knows already that copies may be lacking.
      for (const address of addresses)
        if (reminders.get(address)?.kind !== "turn") reminders.set(address, { kind: "again", dueMs: clock.monotonicMs(), spare: false });
    },
    lost: (address) => {
      organs.book.forget(address);
      lost.add(address);
    },
    handOver: () => handOverInTime(parts, organs),
    owed: (peer, startCounter) => ({
      looked: looks.lookedFor(peer, startCounter),
      owed: queue.countFor(peer) + copier.inFlightTo(peer) + reminders.countOwedTo(peer),
    }),
    progress: () => progressOf(organs, limits),
    view,
    figures: (isLive) => copyFigures({ ...organs, policy: parts.genesis.copies, bytesPerSecond: limits.bytesPerSecond }, isLive),
  };
}

async function handOverInTime({ clock, log, limits, peers, genesis, store, grant }: ReplicatorParts, organs: Organs): Promise<void> {
  const { view, pusher, reminders, queue } = organs;
  if (grant() === null) return;
  const addresses = [...new Set([...reminders.addresses(), ...queue.addresses()])].filter((address) => store.info(address) !== undefined);
  const limit = new AbortController();
  const timer = clock.after(limits.handOverMs, () => limit.abort(new Error("over time")));
  const { questionTimeoutMs } = limits;
  try {
    await handOver({ peers, policy: genesis.copies, view, pusher, questionTimeoutMs }, addresses, limit.signal);
  } catch (cause) {
    log.warn("not all young chunks could be copied before the stop; repair sees to them", { cause });
  } finally {
    timer.cancel();
  }
}

type Organs = {
  readonly pusher: PusherParts;
  readonly fetcher: FetcherParts;
  readonly view: KeepView;
  readonly queue: CopyQueue;
  readonly book: CopyBook;
  readonly copier: Copier;
  readonly reminders: Reminders;
  readonly joining: Joining;
  readonly looks: Looks;
};

function createOrgans(parts: ReplicatorParts): Organs {
  const { genesis, peers, directory, store, clock, limits, events = silentReplicationEvents } = parts;
  const nowMs = (): number => clock.monotonicMs();
  const view = createKeepView({
    directory,
    policy: genesis.copies,
    placeUnit: genesis.placeUnit,
    delays: limits.repairDelayMs,
    circle: limits.circle,
    nowMs,
    distrusted: parts.distrusted,
  });
  const book = createCopyBook(peers.self, { ...genesis.copies, chunksMax: limits.countedMax });
  const reminders = createReminders(limits.remindersMax);
  const tryAgain = (address: Address, owedTo: PeerId): void =>
    reminders.set(address, { kind: "retry", dueMs: nowMs() + limits.retryMs, owedTo });
  const queue = createCopyQueue(limits.tasksMax, ({ address, order }) => tryAgain(address, order.to));
  const unwilling = createUnwilling(nowMs, unwillingLimits(limits));
  const pace = createBytePace(clock, limits.bytesPerSecond);
  const pusher: PusherParts = { genesis, peers, directory, store, grant: parts.grant, pace, limits, onDamaged: parts.onDamaged };
  const copier = createCopier({
    queue,
    pusher,
    limits,
    events,
    onMade: ({ address, order }, outcome) => {
      // What it held before says nothing of what it takes.
      if (outcome === "stored") {
        parts.onTaken({ peer: order.to, vault: order.vault, chunk: address });
        unwilling.took(order.vault, address);
      }
      book.made(address, order.to, rankAt(view, address));
    },
    onFailed: ({ address, order }, outcome) => {
      if (isRefusal(outcome)) parts.onRefused({ peer: order.to, vault: order.vault, chunk: address }, outcome);
      const takesNothing = outcome === "full" || outcome === "cordoned" || outcome === "read-only";
      // What else waits for a vault that takes nothing now need not be sent to hear so.
      const unsent = takesNothing && !unwilling.saidNo(order.vault) ? queue.giveUp(order.vault) : [];
      if (takesNothing) unwilling.takesNothing(order.vault);
      else if (outcome !== "coming" && outcome !== "unread") unwilling.failed(order.vault, address);
      for (const one of [address, ...unsent.map((task) => task.address)]) tryAgain(one, order.to);
    },
  });
  const looks = createLooks({
    ...{ ...parts, events, view, queue, book, reminders },
    unwilling,
    queued: (signal) => {
      if (parts.grant() !== null) copier.run(signal);
    },
  });
  const joining = createJoining({ peers, directory, timeoutMs: limits.questionTimeoutMs, joined: parts.joined });
  const fetcher: FetcherParts = {
    peers,
    store,
    timeoutMs: limits.pushTimeoutMs,
    whom: (address) => {
      const others = view.answering(address).filter((peer) => peer !== peers.self);
      return [...others.filter(view.isTrusted), ...others.filter((peer) => !view.isTrusted(peer))];
    },
    onWrongBytes: parts.onWrongBytes,
    vaultFor: (address) =>
      view
        .keepers(address, "enough")
        .slice(0, genesis.copies.target)
        .find(({ peer, takes }) => peer === peers.self && takes)?.vault,
  };
  return { pusher, view, queue, book, copier, reminders, joining, looks, fetcher };
}

// A copy is tried again after `retryMs`: a vault that is busy for as long as one turn is waited for.
function unwillingLimits({ refusedForMs, turnMs }: ReplicationLimits): UnwillingLimits {
  return { passedForMs: refusedForMs, failuresMin: 3, patienceMs: turnMs, chunksMax: 16_384 };
}

function progressOf({ queue, copier, looks }: Organs, { bytesPerSecond }: ReplicationLimits): ReplicationProgress {
  const figures = queue.figures();
  const inFlight = copier.inFlight();
  const waits = figures.bytes > 0 || inFlight > 0;
  return {
    ...figures,
    inFlight,
    bytesCopied: copier.bytesCopied(),
    etaSeconds: waits ? figures.bytes / bytesPerSecond : null,
    looking: looks.looking(),
  };
}
