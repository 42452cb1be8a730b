// Membership: who is there. Signed node records spread by gossip and reconciliation; connections, failures, goodbyes and
// suspicions make each peer's own view of every node; the directory answers from both. Gateways and commands only listen.
import type { Genesis } from "../../protocol/genesis.ts";
import { awayMax } from "../../protocol/limits.ts";
import type { Departure, LeavingProof } from "../../protocol/messages/goodbye.ts";
import type { NodeAddress, NodeRecord } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { SuspicionFeed } from "../detector/suspicion-board.ts";
import { type Directory, isStranger } from "../directory.ts";
import type { PeerEvent, Peers } from "../peers.ts";
import { createBootstrap } from "./bootstrap.ts";
import { type CacheKeeper, createCacheKeeper } from "./cache-keeper.ts";
import { type CertificatePart, type Certificates, createCertificates } from "./certificates/certificates.ts";
import { claimOf, createFounding } from "./claims.ts";
import { type Confirmer, createConfirmer } from "./confirmer.ts";
import { connectedAt } from "./connected-at.ts";
import { answerExchange } from "./exchange-answers.ts";
import { createForwarder, type Forwarder } from "./forwarder.ts";
import { createGossip, type Gossip } from "./gossip.ts";
import { createIntake, type Intake, type IntakeCounts } from "./intake.ts";
import { type MembershipLimits, membershipLimits } from "./membership-limits.ts";
import type { OpenNetwork } from "./newcomers.ts";
import type { IdentityClash, OwnNode, OwnRecordDraft } from "./own-node.ts";
import { createOwnVoice, type OwnVoice } from "./own-voice.ts";
import { createPauseWatch, type PauseWatch } from "./pause-watch.ts";
import { type AttemptOutcome, createReacher, type Reacher } from "./reacher.ts";
import type { RecordReader } from "./record-book.ts";
import type { RecordCache } from "./record-cache.ts";
import { createRoster, type Roster } from "./roster.ts";
import { createStanding } from "./standing.ts";
import type { SuspicionCause, SuspicionSink } from "./suspicion.ts";

export type MembershipParts = {
  readonly peers: Peers;
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What was known at the last stop; none = everything is learned anew. */
  readonly cache?: RecordCache;
  /** What the failure detector finds; none = connections and requests alone tell. */
  readonly feed?: SuspicionFeed;
  /** Called where this machine slept or its clock stepped. */
  readonly onPause?: () => void;
  /** Absent for a gateway or command, which only listens. */
  readonly own?: OwnNode;
  /** Absent: this peer takes no part in membership certificates and follows none. */
  readonly certificates?: CertificatePart;
  /** Said where no network key keeps strangers out: nodes are counted by the address ranges they are seen at. */
  readonly open?: OpenNetwork | undefined;
  /** Reads records; the real reader unless a simulation of many nodes reads each once for all. */
  readonly readRecord?: RecordReader;
};

/** What membership did since its start, for metrics. */
export type MembershipCounts = IntakeCounts & { readonly pauses: number };

export type Membership = SuspicionSink & {
  readonly name: "membership";
  readonly directory: Directory;
  /** Why a node is suspected; undefined for one that is not. */
  causeOf(peer: PeerId): SuspicionCause | undefined;
  /** Signs and publishes this node's next record to all connected peers; nothing after a goodbye. Throws for a peer without `own`. */
  announce(draft: OwnRecordDraft): void;
  /** Tells all connected peers that this node goes for a while; resolves when they heard or the time for it is over. */
  sayGoodbye(departure: "away", backInMs?: number): Promise<void>;
  /** The same for good: they believe it with a proof that nothing is missing without this node. */
  leave(proof: LeavingProof): Promise<void>;
  /** More addresses where somebody of the network may listen; may be called at any time, again and again. */
  bootstrap(addresses: readonly NodeAddress[]): void;
  /** Whether records were exchanged with at least one node, or this is the founder. */
  joined(): boolean;
  /** Calls `listener` where another process has this identity and this one must stop. */
  onClash(listener: (clash: IdentityClash) => void): () => void;
  /** A peer did what no honest one does: its standing falls, and after too much of it it is cut off for a while. */
  offend(peer: PeerId, why: string): void;
  /** A request to a node failed or timed out: route round it until it answers again. */
  reportFailure(peer: PeerId): void;
  /** Takes in what the failure detector has found since the last pick. */
  refresh(): void;
  counts(): MembershipCounts;
  /** Who is confirmed by certificate; undefined for a peer that takes no part. */
  readonly certificates: Certificates | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Goodbyes of absent nodes told to a peer that connects: by our hand and a machine's few nodes are away at a time. */
const absentToldMax = 8;

/** Membership over these peers; create it before `peers.start`, since it sets handlers, and start it after. */
export function createMembership(parts: MembershipParts, limits: MembershipLimits = membershipLimits): Membership {
  const { peers, clock, random, log, own } = parts;
  const organs = createOrgans(parts, limits);
  const { roster, intake, gossip, voice, confirmer } = organs;

  const joined = (): boolean => own?.founder === true || (gossip.hasMet() && roster.book.size() > (roster.book.get(peers.self) ? 1 : 0));
  const known = (): Iterable<NodeRecord> => [...roster.book.records()].filter(({ peerId }) => !isStranger(roster.directory.node(peerId)));
  const keeper = createCacheKeeper({ cache: parts.cache, records: known, clock, log }, limits);
  const bootstrap = createBootstrap(
    {
      clock,
      random,
      isJoined: joined,
      dial: async (address) => connectedAt(address, peers, roster.directory) ?? peers.dial(address, { timeoutMs: limits.requestTimeoutMs }),
      onAnswer: (peer) => void gossip.meet(peer),
    },
    limits,
  );
  const { watch, pauses } = createWatch(parts, organs, keeper, limits);
  const rounds = createRounds(parts, organs, limits);
  const onEvent = ({ kind, peer }: PeerEvent): void => {
    if (kind === "disconnected") roster.suspect(peer, "closed");
    else if (intake.isBlocked(peer)) void peers.disconnect(peer);
    else {
      roster.connected(peer);
      void gossip.meet(peer);
      // Who is new, or was away itself, did not hear it: to it they would be nodes that it never met, in places that others do not count.
      for (const goodbye of roster.absent(absentToldMax)) void gossip.tell(peer, goodbye);
    }
  };
  let forgetEvents = (): void => {};
  const start = async (): Promise<void> => {
    for (const bytes of await keeper.load()) learnCached(organs, peers, bytes);
    confirmer.quiet();
    forgetEvents = peers.onEvent(onEvent);
    for (const peer of peers.connected()) onEvent({ kind: "connected", peer });
    for (const part of [bootstrap, watch, rounds]) part.start();
    await organs.certificates?.start();
    organs.heedFounding();
  };
  const stop = async (): Promise<void> => {
    forgetEvents();
    for (const part of [rounds, watch, bootstrap, organs.forwarder, organs.reacher, confirmer]) part.stop();
    await organs.certificates?.stop();
    await keeper.stop();
  };
  const go = async (departure: Departure): Promise<void> => {
    organs.reacher.stop();
    await voice.sayGoodbye(departure);
  };
  return {
    name: "membership",
    directory: roster.directory,
    causeOf: roster.causeOf,
    offend: intake.offend,
    announce: voice.announce,
    sayGoodbye: (kind, backInMs = awayMax) => go({ kind, backInMs }),
    leave: (proof) => go({ kind: "leaving", proof }),
    bootstrap: bootstrap.add,
    joined,
    onClash: voice.onClash,
    suspect: roster.suspect,
    refute: roster.refute,
    reportFailure: (peer) => roster.suspect(peer, "failed"),
    refresh: roster.refresh,
    counts: () => ({ ...intake.counts(), pauses: pauses() }),
    certificates: organs.certificates,
    start,
    stop,
  };
}

type Organs = {
  readonly roster: Roster;
  readonly intake: Intake;
  readonly gossip: Gossip;
  readonly voice: OwnVoice;
  readonly reacher: Reacher;
  readonly forwarder: Forwarder;
  readonly confirmer: Confirmer;
  readonly certificates: Certificates | undefined;
  readonly heedFounding: () => void;
};

/** The parts that call each other, wired; and the handlers. */
function createOrgans(parts: MembershipParts, limits: MembershipLimits): Organs {
  const { peers, genesis, clock, random, log, own } = parts;
  const hasRoom = (): boolean => peers.connected().length < limits.connectionsMax;
  const isConnected = (peer: PeerId): boolean => peers.connected().includes(peer);
  const reacher = createReacher({ clock, random, attempt: (peer, failingMs) => attempt(peer, failingMs) }, limits);
  const { reach, settle } = reacher;
  const { feed, readRecord, open } = parts;
  const told = { feed, readRecord, open, remoteIp: peers.remoteIp, claimOf: (peer: PeerId) => claimOf(certificates, peer) };
  const roster = createRoster({ self: peers.self, genesis, clock, isConnected, hasRoom, reach, settle, ...told });
  const forwarder = createForwarder({ clock, random, connected: peers.connected, push: (to, records) => gossip.push(to, records) }, limits);
  const intake: Intake = createIntake({
    roster,
    standing: createStanding(limits),
    clock,
    log,
    onFresh: (record, from) => {
      peers.learn(record.peerId, record.addresses);
      forwarder.forward(record, from);
    },
    onOwn: (record) => voice.meetDouble(record),
    onFreshGoodbye: (bytes, from) => {
      for (const peer of forwarder.pick([from])) void gossip.tell(peer, bytes);
    },
    onBlocked: (peer) => void peers.disconnect(peer),
  });
  const gossip = createGossip({ peers, roster, intake }, limits);
  const voice = createOwnVoice({ own, genesis, clock, log, roster, gossip, connected: peers.connected });
  const confirmer = createConfirmer({ peers, clock, roster, intake, isNode: own !== undefined, probe: reach }, limits);
  const attempt = async (peer: PeerId, failingMs: number): Promise<AttemptOutcome> => {
    const seen = roster.directory.node(peer)?.state;
    if (seen === undefined || seen === "away" || (seen === "gone" && !roster.isDismissed(peer))) return "pointless";
    // A node only heard of is believed where this side keeps no connection to every node.
    if (!isConnected(peer) && !hasRoom() && roster.causeOf(peer) === "unseen") {
      roster.refute(peer);
      return "pointless";
    }
    if (await gossip.meet(peer)) return "answered";
    if (failingMs < limits.deafMs || !isConnected(peer)) return "failed";
    void peers.disconnect(peer);
    return "cut";
  };
  peers.handle("exchange-records", answerExchange({ roster, intake, tellDeparted: (bytes, to) => void gossip.tell(to, bytes) }));
  peers.handle("goodbye", async (from, message) => {
    if (intake.admits(from, message.body.length)) intake.goodbye(message.body, from);
    return { body: new Uint8Array(0), chunks: [] };
  });
  peers.handle("suspicions", confirmer.handler);
  const certificates = createMemberCertificates(parts, { roster, intake, voice });
  const heedFounding = createFounding(peers.self, certificates, roster);
  certificates?.onChange((_, { statement }) => {
    for (const peer of statement.joining) {
      roster.setStranger(peer, false);
      roster.readmit(peer);
    }
    heedFounding();
  });
  return { roster, intake, gossip, voice, reacher, forwarder, confirmer, certificates, heedFounding };
}

function createMemberCertificates(
  parts: MembershipParts,
  { roster, intake, voice }: Pick<Organs, "roster" | "intake" | "voice">,
): Certificates | undefined {
  const { certificates, own, log } = parts;
  if (certificates === undefined) return undefined;
  return createCertificates({
    ...parts,
    own,
    part: certificates,
    directory: roster.directory,
    intake,
    onGranted: (peer) => roster.setStranger(peer, false),
    onGone: roster.dismiss,
    onTakenOut: () => {
      log.warn("this node was taken out of the confirmed ones by certificate; it asks to be let in again", {});
      voice.renew();
    },
  });
}

/** The ticks of the parts; a pause of this machine makes nobody suspect. */
function createWatch(
  parts: MembershipParts,
  { roster, confirmer, voice }: Organs,
  keeper: CacheKeeper,
  limits: MembershipLimits,
): { readonly watch: PauseWatch; pauses(): number } {
  let pauses = 0;
  const watch = createPauseWatch(parts.clock, limits, {
    pause: (pause) => {
      pauses += 1;
      parts.log.info("this machine slept or its clock stepped: suspicions are forgotten", pause);
      roster.forgive();
      parts.onPause?.();
      confirmer.quiet();
      voice.renew();
    },
    tick: () => {
      roster.tick();
      confirmer.tick();
      keeper.tick();
    },
  });
  return { watch, pauses: () => pauses };
}

/**
 * From time to time, a reconciliation with any connected peer, and a try at one of those whom only others called gone: it may have
 * taken out this side as well, and then neither would ever call.
 */
function createRounds(
  { peers, clock, random }: MembershipParts,
  { gossip, roster }: Pick<Organs, "gossip" | "roster">,
  limits: MembershipLimits,
): { start(): void; stop(): void } {
  let timer: Timer | undefined;
  const anyOf = (some: readonly PeerId[]): PeerId | undefined => some[Math.floor(random.fraction() * some.length)];
  const dismissed = (): readonly PeerId[] =>
    roster.directory.nodes().flatMap(({ record }) => (roster.isDismissed(record.peerId) ? [record.peerId] : []));
  const next = (): void => {
    timer = clock.after(limits.reconcileEveryMs * (0.5 + random.fraction()), () => {
      for (const peer of [anyOf(peers.connected()), anyOf(dismissed())]) if (peer !== undefined) void gossip.meet(peer);
      next();
    });
  };
  return { start: next, stop: () => timer?.cancel() };
}

function learnCached({ roster }: Organs, peers: Peers, bytes: Uint8Array): void {
  const offered = roster.offer(bytes);
  if (offered.kind === "fresh") peers.learn(offered.record.peerId, offered.record.addresses);
}
