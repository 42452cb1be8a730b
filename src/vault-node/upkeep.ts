// Upkeep: everything by which a node finds out that copies are missing, lost or rotten, here and at others, put together.
// What it finds goes to a `Mender` and to the scores; it changes nothing at other nodes itself.
import type { Directory } from "../network/directory.ts";
import type { Handler, Peers, RequestKind } from "../network/peers.ts";
import type { Address } from "../protocol/address.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { VaultName } from "../protocol/keys.ts";
import type { PeerFault } from "../protocol/peer-faults.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { RefusalReason } from "../protocol/receipt.ts";
import { servesReads } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { createAuditHandler } from "./audit/audit-handler.ts";
import type { Auditor, AuditVerdict } from "./audit/auditor.ts";
import { createAuditor, type Judgement } from "./audit/create-auditor.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import type { HostedVault } from "./hosted-vault.ts";
import { createAntiEntropy } from "./reconciliation/anti-entropy.ts";
import {
  type CompareFailure,
  type CompareOutcome,
  type Comparer,
  createCompareHandler,
  createComparer,
} from "./reconciliation/comparer.ts";
import type { Differences } from "./reconciliation/comparison.ts";
import { idleMender, type Mender } from "./reconciliation/mender.ts";
import { type ReconciliationLimits, reconciliationLimits } from "./reconciliation/reconciliation-limits.ts";
import { createSharedChunks, type SharedChunks } from "./reconciliation/shared-chunks.ts";
import { watchStore } from "./reconciliation/watched-store.ts";
import { type Asked, createPutOffs, type PutOffs } from "./scores/put-offs.ts";
import { createRefusals, type OfferedCopy } from "./scores/refusals.ts";
import { createScoreboard, type Scoreboard, type ScoreMemory } from "./scores/scoreboard.ts";
import { createScrub, type Scrub } from "./scrub/scrub.ts";
import type { UpkeepEvents } from "./upkeep-events.ts";

export type UpkeepParts = {
  readonly genesis: Genesis;
  readonly vaults: readonly HostedVault[];
  readonly peers: Pick<Peers, "self" | "request">;
  readonly directory: Directory;
  readonly store: ChunkStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: UpkeepEvents;
  /** Where scores outlive the process; absent: they do not. */
  readonly scoreMemory?: ScoreMemory | undefined;
  /** Other limits than the usual; a simulation of many days compares less often. */
  readonly reconciliation?: Partial<ReconciliationLimits> | undefined;
};

export type Upkeep = {
  /** The store, to be used instead of the one handed in, so that the inventory stays right. */
  readonly store: ChunkStore;
  readonly comparer: Comparer;
  readonly auditor: Auditor;
  /** An auditor that judges by the chunks of another store. */
  auditorOver(store: Pick<ChunkStore, "get" | "info">): Auditor;
  /** What is held here, in order. */
  readonly inventory: Pick<SharedChunks, "ready" | "addresses" | "placement">;
  /** Whether a peer is a node of the network. */
  isNode(peer: PeerId): boolean;
  readonly scoreboard: Scoreboard;
  readonly scrub: Pick<Scrub, "lagMs">;
  /** The handlers of what peers ask about upkeep. */
  readonly handlers: readonly (readonly [RequestKind, Handler])[];
  /** Hands findings to `mender` from now on. */
  mendWith(mender: Mender): void;
  /** Counts what a peer did wrong, as seen by this node itself. */
  fault(peer: PeerId, fault: PeerFault): void;
  /** A node sent other bytes than those of a chunk that it was asked for. */
  wrongBytes(peer: PeerId, chunk: Address): void;
  /** A vault refused a copy that this node offered it. */
  refused(offered: OfferedCopy, reason: RefusalReason): void;
  /** A vault took a copy, or has it. */
  took(offered: OfferedCopy): void;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Upkeep of a node at rest. */
export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { genesis, vaults, peers, directory, clock, events } = parts;
  const { self } = peers;
  const limits: ReconciliationLimits = { ...reconciliationLimits, ...parts.reconciliation };
  let mender: Mender = idleMender;
  const shared = createSharedChunks({ ...parts, self, copies: genesis.copies }, limits);
  const store = watchStore(parts.store, {
    added: shared.add,
    removed: shared.remove,
    spoilt: (address) => {
      shared.remove(address);
      events.chunkSpoilt();
      mender.lostHere(address);
    },
  });
  const scoreboard = createScoreboard({
    ...parts,
    self,
    target: genesis.copies.target,
    ...(parts.scoreMemory === undefined ? {} : { memory: parts.scoreMemory }),
  });
  const putOffs = createPutOffs(clock.monotonicMs, limits);
  const { fault, onJudged, onFailed } = createJudge(parts, { scoreboard, putOffs, limits });
  const refusals = createRefusals(clock.monotonicMs, limits);
  const isNode = (peer: PeerId): boolean => (directory.node(peer)?.record.vaults.length ?? 0) > 0;
  const hosts = (peer: PeerId, vault: VaultName): boolean =>
    directory.node(peer)?.record.vaults.some(({ name }) => name === vault) ?? false;
  const comparer = createComparer({ ...parts, shared }, limits);
  const auditorOver: Upkeep["auditorOver"] = (chunks) => createAuditor({ ...parts, store: chunks, hosts, onJudged });
  const auditor = auditorOver(store);
  const onCompared = (peer: PeerId, outcome: CompareOutcome, found: Differences): void => {
    events.compared(outcome, found);
    if (outcome.kind === "failed") return onFailed(peer, outcome.code);
    putOffs.settle(peer, "comparison");
    if (found.onlyMine.length + found.onlyTheirs.length > 0) mender.differences(peer, found);
  };
  const antiEntropy = createAntiEntropy({ ...parts, self, store, shared, comparer, auditor, putOffs, onCompared }, limits);
  const scrub = createScrub({ ...parts, self, store, addresses: shared.addresses, onRead: events.scrubbed });
  return {
    store,
    comparer,
    auditor,
    auditorOver,
    inventory: shared,
    isNode,
    scoreboard,
    scrub,
    handlers: [
      ["compare-chunks", createCompareHandler({ shared, clock, isNode }, limits)],
      ["audit-chunks", createAuditHandler({ genesis, node: self, vaults, store, clock, isNode })],
    ],
    mendWith: (chosen) => {
      mender = chosen;
    },
    fault,
    wrongBytes: (peer, chunk) => {
      fault(peer, "wrong-bytes");
      const vault = intendedVault(parts, peer, chunk) ?? directory.node(peer)?.record.vaults[0]?.name;
      if (vault !== undefined) scoreboard.audited(vault, "wrong");
    },
    refused: (offered, reason) => {
      if (refusals.refused(offered, reason, directory.node(offered.peer))) fault(offered.peer, "refused");
    },
    took: refusals.took,
    start: async () => {
      await scoreboard.start();
      for (const part of [shared, antiEntropy, scrub]) part.start();
    },
    stop: async () => {
      for (const part of [antiEntropy, scrub, shared]) part.stop();
      await scoreboard.stop();
    },
  };
}

type Judge = {
  /** Counts what a peer did wrong. */
  fault(peer: PeerId, kind: PeerFault): void;
  onJudged(peer: PeerId, judgements: readonly Judgement[]): void;
  /** A comparison with a peer failed. */
  onFailed(peer: PeerId, code: CompareFailure): void;
};
type Judging = { readonly scoreboard: Scoreboard; readonly putOffs: PutOffs; readonly limits: ReconciliationLimits };

/** Tells the scores what came of audits and comparisons. */
function createJudge(parts: UpkeepParts, { scoreboard, putOffs, limits }: Judging): Judge {
  const { directory, events } = parts;
  const fault = (peer: PeerId, kind: PeerFault): void => {
    scoreboard.fault(peer, kind);
    events.peerFaulted(kind);
  };
  /** Whether a peer that is there, and says that it answers, put something off beyond all patience. A fenced one claims no copy. */
  const evades = (peer: PeerId, what: Asked): boolean => {
    const view = directory.node(peer);
    const answers = view?.state === "live" && view.record.vaults.some(({ state }) => servesReads(state));
    return answers && putOffs.putOff(peer, what);
  };
  return {
    fault,
    onJudged: (peer, judgements) => {
      let evaded = false;
      for (const { chunk, vault, verdict } of judgements) {
        events.audited(verdict, 1);
        const answering = vault ?? intendedVault(parts, peer, chunk);
        const isPutOff = verdict === "later" || verdict === "silent";
        const isEvaded = isPutOff && evades(peer, chunk);
        evaded ||= isEvaded;
        if (!isPutOff && verdict !== "unasked") putOffs.settle(peer, chunk);
        if (answering !== undefined) scoreboard.audited(answering, isEvaded ? "evaded" : verdict);
      }
      for (const [verdict, kind] of faultsOfVerdicts) if (judgements.some((one) => one.verdict === verdict)) fault(peer, kind);
      if (evaded) fault(peer, "put-off");
    },
    onFailed: (peer, code) => {
      if (code === "malformed" || code === "not-converged") fault(peer, code);
      if (!evades(peer, "comparison")) return;
      fault(peer, "put-off");
      // As many as an audit would have asked for.
      for (const { name } of directory.node(peer)?.record.vaults ?? [])
        for (let n = 0; n < limits.auditChunksMax; n += 1) scoreboard.audited(name, "evaded");
    },
  };
}

const faultsOfVerdicts: readonly (readonly [AuditVerdict, PeerFault])[] = [
  ["wrong", "wrong-proof"],
  ["missing", "missing"],
  ["late", "late"],
  ["silent", "silent"],
];

/** The vault of a node that should hold a chunk: it answers for what its node does not show. */
function intendedVault({ directory, genesis }: UpkeepParts, peer: PeerId, chunk: Address): VaultName | undefined {
  return directory.closest(chunk, genesis.copies.target, "all").holders.find((holder) => holder.peer === peer)?.vault;
}
