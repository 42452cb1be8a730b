// Membership certificates at work: keeps the chain, spreads it, answers proposals, and proposes what is needed when it is
// this node's turn. Gateways and commands only follow the chain.
import type { ChainHead, ReadCertificate } from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import type { MembershipStatus } from "../../../protocol/node-status.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Clock, Timer } from "../../../runtime/clock.ts";
import type { Log } from "../../../runtime/log.ts";
import type { Random } from "../../../runtime/random.ts";
import type { Directory } from "../../directory.ts";
import type { Peers } from "../../peers.ts";
import type { Intake } from "../intake.ts";
import type { OwnNode } from "../own-node.ts";
import { type CertificateLimits, certificateLimits } from "./certificate-limits.ts";
import type { CertificateStore } from "./certificate-store.ts";
import { type ChainExchange, createChainExchange } from "./chain-exchange.ts";
import { type ChainKeeper, createChainKeeper } from "./chain-keeper.ts";
import type { CertificateOffer } from "./confirmed-book.ts";
import { createGrantBook, type GrantBook } from "./grant-book.ts";
import { createGrantShowing, type GrantShowing } from "./grant-showing.ts";
import { membershipStatus } from "./membership-status.ts";
import { createSightings, type Sightings } from "./sightings.ts";
import { createTurns, type ProposalCounts } from "./turns.ts";
import { createVoteDesk } from "./vote-desk.ts";
import { createVoter, type Voter } from "./voter.ts";
import { agreesWith, type FarmSight } from "./wanted.ts";

/** What certificates need that a membership without them does not have. */
export type CertificatePart = {
  readonly store: CertificateStore;
  /** This node's grant by the owner; null where it has none. */
  readonly grant: () => Uint8Array | null;
  readonly limits?: Partial<CertificateLimits>;
};

export type CertificatesParts = {
  readonly part: CertificatePart;
  readonly peers: Peers;
  readonly genesis: Genesis;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly directory: Directory;
  readonly intake: Pick<Intake, "offend" | "admits">;
  readonly own: OwnNode | undefined;
  /** A node that is not confirmed showed a grant that holds. */
  readonly onGranted: (peer: PeerId) => void;
  /** A node left by certificate and is not there: nobody waits for it any more. */
  readonly onGone: (peer: PeerId) => void;
  /** This node itself was taken out although it is there. */
  readonly onTakenOut: () => void;
};

export type Certificates = {
  head(): ChainHead;
  status(): MembershipStatus;
  counts(): ProposalCounts;
  /** Whether a node showed a grant of the owner that holds. */
  granted(peer: PeerId): boolean;
  /** Takes in a certificate from outside the network, such as one by the owner, and spreads it. Rejects where the disk fails. */
  offer(bytes: Uint8Array): Promise<CertificateOffer>;
  /** Calls `listener` after each change of the chain, with its end and the certificate that was taken in, until the returned function is called. */
  onChange(listener: (head: ChainHead, certificate: ReadCertificate) => void): () => void;
  start(): Promise<void>;
  stop(): Promise<void>;
};

type Organs = {
  readonly parts: CertificatesParts;
  readonly limits: CertificateLimits;
  readonly keeper: ChainKeeper;
  readonly grants: GrantBook;
  readonly sightings: Sightings;
  readonly voter: Voter | undefined;
  readonly exchange: ChainExchange;
  readonly showing: GrantShowing;
};

/** Certificates at rest; sets the handlers of `peers`, which must not be started yet. */
export function createCertificates(parts: CertificatesParts): Certificates {
  const { peers, clock, log } = parts;
  const organs = createOrgans(parts, { ...certificateLimits, ...parts.part.limits });
  const { keeper, limits, voter, exchange } = organs;
  const desk = createVoteDesk({ ...parts, ...organs });
  peers.handle("certificates", exchange.handler);
  peers.handle("membership-votes", desk.handler);
  const turns = createTurns({ ...parts, ...organs, ask: desk.ask, sight: () => sightOf(organs) }, limits);
  const timers: { tick?: Timer; round?: Timer } = {};
  const watchState = createStateWatch(log);
  const tick = (): void => {
    timers.tick = clock.after(limits.tickMs, tick);
    sightOf(organs);
    for (const { record, state } of parts.directory.nodes())
      if ((state === "suspected" || state === "away") && keeper.book.left(record.peerId)) parts.onGone(record.peerId);
    organs.showing.look();
    watchState(status());
    if (voter !== undefined) turns.tick(voter);
  };
  const round = (delayMs: number): void => {
    timers.round = clock.after(delayMs, () => {
      const { confirmed, sequence } = keeper.book.head();
      const wantsIn = parts.own !== undefined && !confirmed.has(peers.self);
      for (const peer of somePeers(parts, wantsIn ? limits.fanOut : 1)) void exchange.meet(peer);
      // Peers send nothing that this node says it has: what its disk refused is not offered again by itself. A failure is logged there.
      keeper.retry().catch(() => {});
      // Nobody tells a follower: it asks until it has something to follow.
      const everyMs = parts.own === undefined && sequence === 0 ? limits.tickMs : limits.exchangeEveryMs;
      round(everyMs * (0.5 + parts.random.fraction()));
    });
  };
  const status = (): MembershipStatus => membershipStatus(keeper.book.head(), sightOf(organs));
  keeper.onChange((head, { statement }) => {
    for (const peer of somePeers(parts, limits.fanOut)) void exchange.meet(peer);
    if (statement.leaving.includes(peers.self)) parts.onTakenOut();
    const { sequence, joining, leaving } = statement;
    log.info("the confirmed nodes changed by certificate", { sequence, joining, leaving, confirmed: head.confirmed.size });
  });
  return {
    head: keeper.book.head,
    status,
    counts: turns.counts,
    granted: organs.grants.has,
    offer: keeper.take,
    onChange: keeper.onChange,
    start: async () => {
      await keeper.load();
      await voter?.load();
      tick();
      round(limits.tickMs * parts.random.fraction());
    },
    stop: async () => {
      timers.tick?.cancel();
      timers.round?.cancel();
      turns.stop();
      await keeper.idle();
    },
  };
}

function createOrgans(parts: CertificatesParts, limits: CertificateLimits): Organs {
  const { peers, genesis, clock, log, own, part, intake } = parts;
  const grants = createGrantBook(genesis, clock);
  const sightings = createSightings(peers.self);
  const voter: Voter | undefined =
    own === undefined
      ? undefined
      : createVoter(
          {
            ...{ self: peers.self, genesis, nodeKey: own.key, store: part.store, log },
            book: { head: () => keeper.book.head(), has: (id) => keeper.book.has(id) },
            agrees: (statement) => agreesWith(keeper.book.head(), sightOf(organs), statement, limits),
          },
          limits.waitingVotesMax,
        );
  const keeper: ChainKeeper = createChainKeeper({ genesis, store: part.store, log, onReplaced: async () => voter?.reset() });
  const grant = (): Uint8Array | null => (keeper.book.head().confirmed.has(peers.self) ? null : part.grant());
  const exchange: ChainExchange = createChainExchange(
    {
      ...{ peers, book: keeper.book, offend: intake.offend, admits: intake.admits },
      grant,
      onGrant: (peer, bytes) => {
        if (grants.add(peer, bytes)) parts.onGranted(peer);
      },
      onShown: (peer) => showing.seenBy(peer),
      take: async (bytes, from) => {
        const offered = await keeper.take(bytes);
        if (offered.kind === "refused") intake.offend(from, offered.why);
        return offered.kind === "fresh";
      },
    },
    limits,
  );
  const showing = createGrantShowing({ peers, grant, show: exchange.meet, atOnce: limits.fanOut });
  const organs: Organs = { parts, limits, keeper, grants, sightings, voter, exchange, showing };
  return organs;
}

/** How this node sees the farm now. */
function sightOf({ parts, keeper, grants, sightings }: Organs): FarmSight {
  const nowMs = parts.clock.monotonicMs();
  sightings.look(parts.directory.nodes(), keeper.book.head().confirmed, nowMs);
  return { self: parts.peers.self, seen: sightings.seen(nowMs), granted: grants.has };
}

/** Some connected nodes, at random. */
function somePeers({ peers, directory, random }: CertificatesParts, count: number): readonly PeerId[] {
  const nodes = peers.connected().filter((peer) => directory.node(peer) !== undefined);
  const dealt = nodes.map((peer) => ({ peer, order: random.fraction() })).sort((a, b) => a.order - b.order);
  return dealt.slice(0, count).map(({ peer }) => peer);
}

// A node that has just started reaches nobody yet, which is no news.
const lastingLooks = 5;

function createStateWatch(log: Log): (status: MembershipStatus) => void {
  let before: MembershipStatus["state"] | undefined;
  let seen: MembershipStatus["state"] | undefined;
  let looks = 0;
  return ({ state, reachable, confirmed, needed }) => {
    looks = state === seen ? looks + 1 : 1;
    seen = state;
    if (state === before || looks < lastingLooks) return;
    if (state === "partitioned")
      log.warn("too few confirmed nodes are reachable: membership and records stand still, chunks do not", {
        reachable,
        confirmed,
        needed,
      });
    else if (before === "partitioned") log.info("enough confirmed nodes are reachable again", { reachable, confirmed, needed });
    before = state;
  };
}
