// The roster: what records, connections, suspicions and goodbyes together say of each node. It does no input or output;
// it changes the views and tells its owner which nodes should be tried.
import type { Decoded } from "../../protocol/encoding.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import { checkLeaving } from "../../protocol/leaving.ts";
import { awayMax } from "../../protocol/limits.ts";
import { type Goodbye, readGoodbye } from "../../protocol/messages/goodbye.ts";
import { isNewer, type NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Hint, SuspicionFeed } from "../detector/suspicion-board.ts";
import { type Directory, memberNodes } from "../directory.ts";
import type { Claim } from "./claims.ts";
import { createDepartures, type Departed } from "./departures.ts";
import { createNewcomers, type OpenNetwork } from "./newcomers.ts";
import { createNodeViews, type NodeViews } from "./node-views.ts";
import { createRecordBook, type RecordBook, type RecordReader, type RecordVerdict } from "./record-book.ts";
import type { SuspicionCause, SuspicionSink } from "./suspicion.ts";

/** What the roster needs to know of connections, and whom it tells: `reach` = this node should be tried now; `settle` = no longer. */
export type RosterParts = {
  readonly self: PeerId;
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly isConnected: (peer: PeerId) => boolean;
  /** Whether this side would still open a connection to one more node. */
  readonly hasRoom: () => boolean;
  readonly reach: (peer: PeerId) => void;
  readonly settle: (peer: PeerId) => void;
  /** What the detector finds, read at each pick. */
  readonly feed?: SuspicionFeed | undefined;
  readonly readRecord?: RecordReader | undefined;
  /** Where a connected peer's connection comes from, or goes to. */
  readonly remoteIp: (peer: PeerId) => string | undefined;
  readonly claimOf: (peer: PeerId) => Claim;
  /** Absent: a farm whose network key keeps strangers out. */
  readonly open?: OpenNetwork | undefined;
};

/**
 * What became of bytes that were offered; `departed`: of a node whose goodbye is newer; `own`: signed by this very identity;
 * `crowded`: of a new node for which there is no room, because too many like it were told of already.
 */
export type Offered =
  | RecordVerdict
  | { readonly kind: "departed"; readonly departed: Departed }
  | { readonly kind: "own"; readonly record: NodeRecord }
  | { readonly kind: "crowded"; readonly peer: PeerId };

export type GoodbyeVerdict =
  | { readonly kind: "fresh" | "known"; readonly peer: PeerId }
  | { readonly kind: "refused"; readonly why: string };

export type Roster = SuspicionSink & {
  readonly directory: Directory;
  readonly book: RecordBook;
  /** Judges a record and takes it in where it is new; `from`: who told of it, nobody for what this side knew before. */
  offer(bytes: Uint8Array, from?: PeerId): Offered;
  /** Takes in this node's own record. */
  putOwn(record: NodeRecord): void;
  connected(peer: PeerId): void;
  /** Something speaks for a node now, or nothing does; nothing happens where it is seen so already. */
  setStranger(peer: PeerId, isIt: boolean): void;
  /** Takes in a goodbye that `from` said, its own or another's. */
  hear(bytes: Uint8Array, from: PeerId): GoodbyeVerdict;
  departed(peer: PeerId): Departed | undefined;
  /** The goodbyes of those that are away now, who went last first; at most `countMax`. */
  absent(countMax: number): readonly Uint8Array[];
  /** Whether a node is gone by the word of others only, so that its own answer brings it back. */
  isDismissed(peer: PeerId): boolean;
  /** Looks after absences that ran out. */
  tick(): void;
  /** This machine slept: suspicions mean nothing, every node is tried at once. */
  forgive(): void;
  causeOf(peer: PeerId): SuspicionCause | undefined;
  /** Watchers agree, or no longer agree, that a suspected node is silent. */
  confirm(peer: PeerId, confirmed: boolean): void;
  /** A node left by certificate: it is gone until it shows itself. Nothing happens where it is connected, or said goodbye itself. */
  dismiss(peer: PeerId): void;
  /** A node was let in by certificate, so others see it: where it was dismissed it is tried, whether it has signed anything since or not. */
  readmit(peer: PeerId): void;
  /** Takes in what the detector has found since. */
  refresh(): void;
};

// Leavers remembered, so that old records of theirs do not bring them back.
const departuresMax = 1024;

// What the detector finds is mostly over in a moment: a node that stays silent longer is tried over its connection, soon enough
// to serve again within 100 ms where only datagrams are lost.
const reachSilentAfterMs = 75;

/** An empty roster. */
export function createRoster(parts: RosterParts): Roster {
  const { genesis, clock } = parts;
  const book = createRecordBook(genesis.networkId, { read: parts.readRecord });
  const views: NodeViews = createNodeViews(genesis, clock.wallMs, () => refresh());
  const departures = createDepartures(departuresMax, (peer) => {
    if (forgetDeparted(state, peer)) newcomers.left(peer);
  });
  const newcomers = createNewcomers({ ...parts, isNode: (peer) => views.directory.node(peer) !== undefined });
  const causes = new Map<PeerId, SuspicionCause>();
  const state: State = { parts, book, views, departures, causes };

  const offer = (bytes: Uint8Array, from?: PeerId): Offered => {
    // What was known before was not from the future then: a clock that lost its battery must not make a node forget all others.
    const verdict = book.judge(bytes, from === undefined ? Number.POSITIVE_INFINITY : clock.wallMs());
    if (verdict.kind !== "fresh") return verdict;
    const { record } = verdict;
    if (record.peerId === parts.self) return { kind: "own", record };
    const isNew = views.directory.node(record.peerId) === undefined;
    if (isNew && from !== undefined && !newcomers.admit(record.peerId, from)) return { kind: "crowded", peer: record.peerId };
    const departed = departures.get(record.peerId);
    if (departed !== undefined && departures.covers(record.peerId, record)) {
      if (departed.goodbye.departure.kind === "leaving") return { kind: "departed", departed };
      takeInAbsent(state, record, from, departed);
      return verdict;
    }
    departures.forget(record.peerId);
    takeIn(state, record, from);
    revive(state, record.peerId, from);
    return verdict;
  };
  const putOwn = (record: NodeRecord): void => {
    book.put(record);
    views.putRecord(record, "live");
  };
  const suspect = (peer: PeerId, cause: SuspicionCause): void => {
    const seen = views.directory.node(peer)?.state;
    // What this side notices itself weighs more than what it was told.
    if (seen === "suspected" && causes.get(peer) === "told") causes.set(peer, cause);
    // Whoever is suspected already is being tried; whoever said goodbye comes back by itself.
    if (peer === parts.self || seen !== "live") return;
    causes.set(peer, cause);
    views.setState(peer, "suspected");
    if (cause === "silent" || cause === "told") reachLater(state, peer);
    else parts.reach(peer);
  };
  const isDismissed = (peer: PeerId): boolean =>
    views.directory.node(peer)?.state === "gone" && departures.get(peer)?.goodbye.departure.kind !== "leaving";
  const refute = (peer: PeerId): void => {
    const seen = views.directory.node(peer)?.state;
    // Gone by certificate is the word of others, and a sign of life outweighs it; gone by its own goodbye is not.
    if (seen === undefined || seen === "away" || (seen === "gone" && !isDismissed(peer))) return;
    markLive(state, peer);
  };
  const refresh = (): void => parts.feed?.poll((peer, hint) => heed(state, peer, hint, { suspect, refute }));
  return {
    refresh,
    directory: views.directory,
    book,
    offer,
    putOwn,
    connected: (peer) => {
      newcomers.met(peer);
      refute(peer);
    },
    dismiss: (peer) => dismiss(state, peer),
    readmit: (peer) => {
      if (isDismissed(peer)) missAgain(state, peer);
    },
    setStranger: views.setStranger,
    suspect,
    refute,
    hear: (bytes, from) => hear(state, bytes, from),
    departed: departures.get,
    absent: (countMax) => departures.absent(clock.monotonicMs(), countMax).map(({ bytes }) => bytes),
    isDismissed,
    tick: () => returnOverdue(state),
    forgive: () => forgive(state),
    causeOf: (peer) => causes.get(peer),
    confirm: views.confirm,
  };
}

function forgive(state: State): void {
  const { parts, views } = state;
  for (const { record, state: seen } of views.directory.nodes()) {
    if (seen !== "suspected") continue;
    if (parts.isConnected(record.peerId)) markLive(state, record.peerId);
    else parts.reach(record.peerId);
  }
}

type State = {
  readonly parts: RosterParts;
  readonly book: RecordBook;
  readonly views: NodeViews;
  readonly departures: ReturnType<typeof createDepartures>;
  readonly causes: Map<PeerId, SuspicionCause>;
};

/** Takes in what the detector found of a node. */
function heed({ parts, causes }: State, peer: PeerId, hint: Hint, { suspect, refute }: SuspicionSink): void {
  const cause = causes.get(peer);
  if (hint === "silent" || hint === "told") return suspect(peer, hint);
  if (hint !== "heard") return;
  if (cause === "silent" || cause === "told") refute(peer);
  // Heartbeats pass again; whether its connection does is asked now, not when its next try is due.
  else if (cause === "failed") parts.reach(peer);
}

function takeIn({ parts, book, views, causes }: State, record: NodeRecord, from: PeerId | undefined): void {
  const { peerId } = record;
  const isNew = views.directory.node(peerId) === undefined;
  // A node heard of through others counts once it was reached, where this side reaches every node; else it is believed.
  const believed = parts.isConnected(peerId) || !parts.hasRoom();
  book.put(record);
  if (isNew && !believed) causes.set(peerId, "unseen");
  const claim = parts.claimOf(peerId);
  const stranger = from !== undefined && (claim === "none" || (claim === "open" && !believed));
  views.putRecord(record, believed ? "live" : "suspected", stranger);
}

/** Of one that is new here the goodbye came first: it is known to be away, not merely never met. */
function takeInAbsent(state: State, record: NodeRecord, from: PeerId | undefined, { untilMs }: Departed): void {
  const isNew = state.views.directory.node(record.peerId) === undefined;
  takeIn(state, record, from);
  if (isNew && state.parts.clock.monotonicMs() < untilMs) state.views.setState(record.peerId, "away");
}

/**
 * A newer record says that a node lives, not that it can be reached from here: `from` may reach both where this side does not, and a
 * connection that stands may lead nowhere. Whom this side misses itself, and who was taken out, is tried at once and counts when it
 * answers; who said goodbye, or was never met, is believed where it is connected.
 */
function revive(state: State, peer: PeerId, from: PeerId | undefined): void {
  const { parts, views, causes } = state;
  const seen = views.directory.node(peer)?.state;
  if (seen === "live") return;
  const isNear = parts.isConnected(peer);
  const mayBeHere = isNear || !parts.hasRoom();
  const isBelieved = mayBeHere && (seen === "away" || !isMissedHere(causes.get(peer), isNear));
  if (from === peer || (seen !== "gone" && isBelieved)) return markLive(state, peer);
  if (seen === "away") {
    causes.set(peer, "unseen");
    views.setState(peer, "suspected");
  }
  parts.reach(peer);
}

/** Whether a node is suspected by what this side noticed itself; where it is connected, what its watchers say is soon found out. */
function isMissedHere(cause: SuspicionCause | undefined, isConnected: boolean): boolean {
  return cause === "failed" || cause === "closed" || cause === "silent" || (cause === "told" && isConnected);
}

function reachLater({ parts, views, causes }: State, peer: PeerId): void {
  parts.clock.after(reachSilentAfterMs, () => {
    const cause = causes.get(peer);
    const isWanted = parts.isConnected(peer) || parts.hasRoom();
    if (views.directory.node(peer)?.state === "suspected" && (cause === "silent" || cause === "told") && isWanted) parts.reach(peer);
  });
}

function dismiss({ parts, views, causes }: State, peer: PeerId): void {
  if (peer === parts.self || parts.isConnected(peer)) return;
  causes.delete(peer);
  parts.settle(peer);
  views.setState(peer, "gone");
}

function markLive({ parts, views, causes }: State, peer: PeerId): void {
  causes.delete(peer);
  if (parts.claimOf(peer) !== "none") views.setStranger(peer, false);
  views.setState(peer, "live");
  if (parts.isConnected(peer)) parts.settle(peer);
}

function hear(state: State, bytes: Uint8Array, from: PeerId): GoodbyeVerdict {
  const { parts, book, views, departures, causes } = state;
  const read: Decoded<Goodbye> = readGoodbye(parts.genesis.networkId, bytes);
  if (!read.ok) return { kind: "refused", why: read.why };
  const goodbye = believed(state, read.value, from);
  const peer = goodbye.peerId;
  const record = book.get(peer);
  const overtaken = record === undefined || isNewer(record, goodbye);
  if (peer === parts.self || overtaken || !departures.add(goodbye, bytes, parts.clock.monotonicMs())) return { kind: "known", peer };
  causes.delete(peer);
  parts.settle(peer);
  views.setState(peer, goodbye.departure.kind === "away" ? "away" : "gone");
  // The record of a leaver is not passed on any more; its view stays for people to see.
  if (goodbye.departure.kind === "leaving") book.remove(peer);
  return { kind: "fresh", peer };
}

/** A goodbye for good that does not show that nothing is missing without its node is one for a while. */
function believed({ parts, book, views }: State, goodbye: Goodbye, from: PeerId): Goodbye {
  if (goodbye.departure.kind === "away") return goodbye;
  const { networkId, copies } = parts.genesis;
  const known = memberNodes(views.directory).flatMap(({ record, state: seen }) => {
    const { peerId, domain, vaults } = record;
    return seen === "gone" || vaults.length === 0 ? [] : [{ peerId, host: domain.host, live: seen === "live" }];
  });
  const host = book.get(goodbye.peerId)?.domain.host ?? "";
  const verdict = checkLeaving({ networkId, copies, goodbye, host, known, firstHand: from === goodbye.peerId });
  return verdict.ok ? goodbye : { ...goodbye, departure: { kind: "away", backInMs: awayMax } };
}

function returnOverdue(state: State): void {
  for (const peer of state.departures.overdue(state.parts.clock.monotonicMs()))
    if (state.views.directory.node(peer)?.state === "away") missAgain(state, peer);
}

/** Whether a node leaves the directory now that its goodbye is forgotten: who is away for a while, or missed since, keeps its places. */
function forgetDeparted(state: State, peer: PeerId): boolean {
  const seen = state.views.directory.node(peer)?.state;
  if (seen === "away") missAgain(state, peer);
  if (seen === "gone") state.views.remove(peer);
  return seen === "gone";
}

/** A node that was away or gone is missed and tried from now on. */
function missAgain({ parts, views, causes }: State, peer: PeerId): void {
  causes.set(peer, "closed");
  views.setState(peer, "suspected");
  parts.reach(peer);
}
