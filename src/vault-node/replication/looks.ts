// What is looked at and when, and what follows from it: copies queued, a turn waited for, a copy too many dropped.
import { type Directory, memberNodes } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { type Looked, lookAt } from "./chunk-look.ts";
import type { CopyBook } from "./copy-book.ts";
import type { CopyQueue } from "./copy-queue.ts";
import { tierOf } from "./copy-tier.ts";
import type { KeepView, ViewChanges } from "./keep-view.ts";
import type { ChunkPlan, Keeper } from "./plan-chunk.ts";
import type { Reminder, Reminders, Room } from "./reminders.ts";
import type { ReplicationEvents } from "./replication-events.ts";
import type { ReplicationLimits } from "./replication-limits.ts";
import { createSurplusCopies } from "./surplus-copies.ts";
import type { Unwilling } from "./unwilling.ts";

export type LooksParts = {
  readonly genesis: Genesis;
  readonly peers: Pick<Peers, "request" | "self">;
  readonly directory: Pick<Directory, "nodes">;
  readonly store: ChunkStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ReplicationLimits;
  readonly events: ReplicationEvents;
  readonly view: KeepView;
  readonly queue: CopyQueue;
  readonly book: CopyBook;
  readonly reminders: Reminders;
  /** Vaults that take nothing, or not this chunk, for a while. */
  readonly unwilling: Pick<Unwilling, "saidNo" | "fails">;
  /** There may be copies to make: they need not wait until everything was looked through. */
  queued(signal: AbortSignal): void;
  readonly auditor?: Auditor;
};

export type Looks = {
  /** Looks at what is due, and waits for it. */
  lookIfDue(signal: AbortSignal): Promise<void>;
  /** Whether every chunk was looked at with `peer` in view in this start of it. */
  lookedFor(peer: PeerId, startCounter: number): boolean;
  looking(): boolean;
};

// The index walk lets other work through after so many chunks.
const chunksPerTurn = 500;
const noReminders: ReadonlyMap<Address, Reminder> = new Map();

/** Nothing was looked at yet; everything is, `settleMs` from now. */
export function createLooks(parts: LooksParts): Looks {
  const { clock, limits, view, reminders, store } = parts;
  const act = createActor(parts);
  const seen = new Map<PeerId, number>();
  let everythingAtMs = clock.monotonicMs() + limits.settleMs;
  let forgottenAtMs = everythingAtMs;
  let looking = false;

  const throughAll = async (changes: ViewChanges, everything: boolean, signal: AbortSignal): Promise<void> => {
    const starts = memberNodes(parts.directory).map(({ record }) => [record.peerId, record.startCounter] as const);
    let batch: Address[] = [];
    let walked = 0;
    for (const address of store.addresses()) {
      walked += 1;
      if (walked % chunksPerTurn === 0) await clock.sleep(0, signal);
      const concerned = everything || view.concerns(address, changes, reminders.awaitsRoom(address)) || isHeldBy(parts, address, changes);
      if (!concerned) continue;
      batch.push(address);
      if (batch.length < limits.chunksPerSurvey) continue;
      await act(batch, noReminders, signal);
      batch = [];
    }
    await act(batch, noReminders, signal);
    if (everything) parts.book.lookedThrough((address) => store.info(address) !== undefined);
    for (const [peer, start] of starts) if (everything || changes.has(peer)) seen.set(peer, start);
  };
  const lookIfDue = async (signal: AbortSignal): Promise<void> => {
    const nowMs = clock.monotonicMs();
    const due = reminders.takeDue(nowMs, limits.chunksPerSurvey, { isBack: view.isHere, taking: view.taking });
    const worthwhile = [...due].filter(([address, { kind }]) => kind !== "fresh" || isFirst(parts, address));
    await act(
      worthwhile.map(([address]) => address),
      due,
      signal,
    );
    const changes = view.takeChanges();
    const everything = nowMs >= everythingAtMs || (nowMs >= forgottenAtMs && reminders.mayFetchForgotten());
    if (changes.size === 0 && !everything) return;
    if (everything) {
      everythingAtMs = nowMs + limits.everythingEveryMs;
      forgottenAtMs = nowMs + limits.forgottenEveryMs;
      reminders.startAnew();
    }
    try {
      await throughAll(changes, everything, signal);
    } catch (error) {
      view.giveBack(changes);
      if (everything) everythingAtMs = nowMs + limits.retryMs;
      throw error;
    }
  };
  return {
    lookIfDue: async (signal) => {
      looking = true;
      try {
        await lookIfDue(signal);
      } finally {
        looking = false;
      }
    },
    lookedFor: (peer, startCounter) => seen.get(peer) === startCounter,
    looking: () => looking,
  };
}

// Copies lie further out than changes concern, past vaults that were full once: those that turned for more than the shortest of silences.
function isHeldBy({ book }: LooksParts, address: Address, changes: ViewChanges): boolean {
  return book.holders(address).some((peer) => changes.get(peer)?.has("few") === true || changes.get(peer)?.has("enough") === true);
}

// Two of a chunk's holders look after it when it is fresh: one alone might have missed it.
const freshWatchers = 2;

function isFirst({ view, peers }: LooksParts, address: Address): boolean {
  const first = view.keepers(address, "enough").slice(0, freshWatchers);
  return first.some(({ peer }) => peer === peers.self);
}

type Act = (addresses: readonly Address[], due: ReadonlyMap<Address, Reminder>, signal: AbortSignal) => Promise<void>;

/** Looks at chunks and sees to what follows. */
function createActor(parts: LooksParts): Act {
  const { genesis, peers, store, limits, view, auditor, events } = parts;
  const look = {
    peers,
    policy: genesis.copies,
    view,
    questionTimeoutMs: limits.questionTimeoutMs,
    refuses: (keeper: Keeper, address: Address) => parts.unwilling.saidNo(keeper.vault) || isFailing(parts, keeper, address),
    holds: (address: Address) => store.info(address) !== undefined,
  };
  const stays = (peer: PeerId): boolean => view.isHere(peer) && view.keeperAt(peer) !== undefined;
  const surplus = auditor && createSurplusCopies({ ...parts, trim: { auditor, store, events, stays } });
  return async (addresses, due, signal) => {
    if (addresses.length === 0) return;
    const before = absent(parts);
    const looked = await lookAt(look, addresses.filter(look.holds), signal);
    signal.throwIfAborted();
    const active = activeFirsts(looked, due);
    writeDown(parts, addresses, { looked, unasked: new Set([...before, ...absent(parts)]) });
    for (const [address, one] of looked) seeTo(parts, address, one, { reminder: due.get(address), active });
    parts.queued(signal);
    surplus?.note(addresses, looked, signal);
  };
}

// Who joins is offered all that is its own until it has it.
function isFailing({ unwilling }: LooksParts, { vault, joining }: Keeper, address: Address): boolean {
  return !joining && unwilling.fails(vault, address);
}

/** Nodes that are not asked: suspected or away, and not gone. */
function absent({ directory }: LooksParts): readonly PeerId[] {
  return directory.nodes().flatMap(({ state, record }) => (state === "suspected" || state === "away" ? [record.peerId] : []));
}

type Found = { readonly looked: ReadonlyMap<Address, Looked>; readonly unasked: ReadonlySet<PeerId> };

// Who did not answer, or was not asked, may hold it still: what was known of it before is the better guess.
function writeDown({ book, view }: LooksParts, addresses: readonly Address[], { looked, unasked: peers }: Found): void {
  const believed = (some: Iterable<PeerId>): ReadonlySet<PeerId> => new Set([...some].filter(view.isTrusted));
  const unasked = {
    peers: believed(peers),
    stays: (peer: PeerId) => view.keeperAt(peer) !== undefined,
    rankAt: (address: Address) => rankAt(view, address),
  };
  for (const address of addresses) {
    const one = looked.get(address);
    if (one === undefined) book.forget(address);
    else book.note(address, one.plan, one.silent.size === 0 ? unasked : { ...unasked, peers: believed([...peers, ...one.silent]) });
  }
}

/** Where a node stands in the order around a chunk that all share. */
export function rankAt(view: Pick<KeepView, "keepers">, address: Address): (peer: PeerId) => number {
  const near = view.keepers(address, "enough").map(({ peer }) => peer);
  return (peer) => (near.includes(peer) ? near.indexOf(peer) : near.length);
}

// A first holder that got other chunks done since is at work: it is waited for.
function activeFirsts(looked: ReadonlyMap<Address, Looked>, due: ReadonlyMap<Address, Reminder>): ReadonlySet<PeerId> {
  const active = new Set<PeerId>();
  for (const [address, reminder] of due)
    if (reminder.kind === "turn" && looked.get(address)?.plan.orders.length === 0) active.add(reminder.first);
  return active;
}

type Waited = { readonly reminder: Reminder | undefined; readonly active: ReadonlySet<PeerId> };

function seeTo(parts: LooksParts, address: Address, { plan, silent }: Looked, { reminder, active }: Waited): void {
  const { queue, reminders, store, clock, limits, genesis, view } = parts;
  const nowMs = clock.monotonicMs();
  const [first] = plan.ahead;
  // Below min nobody is waited for long, nor because it is at work: the receiver is asked before a copy is sent twice.
  const pressing = plan.copies < genesis.copies.min;
  const waited = reminder?.kind === "turn" && reminder.first === first && (pressing || !active.has(first));
  const ours = first === undefined || waited || reminder?.kind === "retry";
  if (plan.orders.length > 0 && !ours) {
    queue.put(address, []);
    const turnMs = pressing ? limits.pressingTurnMs : limits.turnMs;
    const spare = plan.orders.every(({ why }) => why === "placement");
    // Looks by chance meanwhile must not put the turn off: one every few seconds would for ever.
    const before = reminders.get(address);
    const begunMs = before?.kind === "turn" && before.first === first ? before.dueMs : Number.POSITIVE_INFINITY;
    reminders.set(address, { kind: "turn", dueMs: Math.min(begunMs, nowMs + plan.ahead.length * turnMs), spare, first });
    return;
  }
  const size = store.info(address)?.size ?? 0;
  const queued = queue.put(
    address,
    plan.orders.map((order) => ({ address, order, copies: plan.copies, size })),
  );
  const isShort = plan.copies < genesis.copies.target;
  const awaits = isShort ? view.around(address).filter((peer) => !view.isHere(peer)) : [];
  const room = roomFor(parts, address, plan);
  const againMs = lookAgainMs(parts, address, { plan, silent }, { queued, isAwaiting: awaits.length > 0 || room !== undefined });
  if (againMs !== undefined)
    reminders.set(address, { kind: "again", dueMs: nowMs + againMs, spare: !isShort, awaits, ...(room && { room }) });
}

// Only vaults that say themselves that they take nothing: one that says it has room, and refuses, would be sent the same bytes again and again.
function roomFor({ view, genesis, clock, limits }: LooksParts, address: Address, { copies, order, short }: ChunkPlan): Room | undefined {
  if (short === 0) return undefined;
  const keepers = view.keepers(address, tierOf(copies, genesis.copies.min));
  const vaults = keepers.flatMap(({ peer, vault, takes }) => (takes || order.includes(peer) ? [] : [vault]));
  return vaults.length === 0 ? undefined : { vaults, fromMs: clock.monotonicMs() + limits.refusedForMs };
}

// What found no room, what could not be seen in full, and what waits for a silent node until that is lost, or for room, is looked at again.
function lookAgainMs(
  parts: LooksParts,
  address: Address,
  { plan, silent }: Looked,
  { queued, isAwaiting }: { readonly queued: boolean; readonly isAwaiting: boolean },
): number | undefined {
  const { limits, view } = parts;
  const { min, target } = parts.genesis.copies;
  if (!queued || (silent.size > 0 && plan.copies < target)) return limits.retryMs;
  if (plan.copies + plan.orders.length >= target) return undefined;
  const lossMs = view.nextLossMs(tierOf(plan.copies, min));
  if (lossMs !== undefined) return lossMs + limits.tickMs;
  // Nobody else takes it: who failed is tried again.
  const keepers = view.keepers(address, tierOf(plan.copies, min));
  if (plan.short > 0 && keepers.some((keeper) => isFailing(parts, keeper, address))) return limits.refusedForMs;
  // Who counts as lost already may still come back, and who is full may have room.
  return isAwaiting ? limits.everythingEveryMs : undefined;
}
