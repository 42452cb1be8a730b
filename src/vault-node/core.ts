// The core of a vault node: handlers, vault states and their announcement over parts that are handed in, so that the
// program (libp2p, disk) and the simulator (network and store in memory) run the same code.
import type { Membership } from "../network/membership/membership.ts";
import type { Peers } from "../network/peers.ts";
import type { Address } from "../protocol/address.ts";
import type { Genesis } from "../protocol/genesis.ts";
import type { SigningKey } from "../protocol/keys.ts";
import type { NodeFigures } from "../protocol/node-figures.ts";
import type { FailureDomain } from "../protocol/node-record.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { type DesiredState, servesReads } from "../protocol/states.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random } from "../runtime/random.ts";
import { createGrantCache } from "./admission.ts";
import { type AnnouncerLimits, type AnnouncerParts, createAnnouncer } from "./announcer.ts";
import type { ChunkStore } from "./chunk-store/chunk-store.ts";
import { createExpectedCopies, type ExpectedCopies } from "./expected-copies.ts";
import { createGetChunks } from "./handlers/get-chunks.ts";
import { createHasChunks } from "./handlers/has-chunks.ts";
import { createOwedChunks } from "./handlers/owed-chunks.ts";
import type { HandlerParts } from "./handlers/parts.ts";
import { createPutChunks } from "./handlers/put-chunks.ts";
import { createWrongBytes } from "./handlers/wrong-bytes.ts";
import type { HostedVault } from "./hosted-vault.ts";
import { createNearness } from "./nearness.ts";
import { type NodeEvents, silentEvents } from "./node-events.ts";
import { createNodeFigures } from "./node-figures.ts";
import { createPeerShares, type ShareLimits } from "./peer-shares.ts";
import { createPointers, type PointerBooks, type Pointers } from "./pointers/pointers.ts";
import type { ReconciliationLimits } from "./reconciliation/reconciliation-limits.ts";
import { createMender } from "./replication/mending.ts";
import type { ReplicationEvents } from "./replication/replication-events.ts";
import type { ReplicationLimits } from "./replication/replication-limits.ts";
import { createReplicator, type ReplicationProgress, type Replicator } from "./replication/replicator.ts";
import { createLeaverAnswers, createLeaverChunks, type LeaverAnswers } from "./safe-to-stop/leaver-chunks.ts";
import { createListChunks } from "./safe-to-stop/list-chunks.ts";
import { createStopStatements, type StopStatements } from "./safe-to-stop/stop-statements.ts";
import type { ScoreMemory } from "./scores/scoreboard.ts";
import { createUpkeep, type Upkeep } from "./upkeep.ts";
import { createVaultConditions, type VaultCondition, type VaultConditions } from "./vault-conditions.ts";
import { createWorkGate, type WorkGate } from "./work-gate.ts";

/** Who this node is and where it stands; `software` is its version. */
export type NodeIdentity = {
  readonly genesis: Genesis;
  readonly peerId: PeerId;
  readonly vaults: readonly HostedVault[];
  readonly domain: FailureDomain;
  readonly software: string;
};

/** What the core asks of membership. */
export type CoreMembership = Pick<Membership, "announce" | "joined" | "directory">;

export type CoreParts = {
  readonly identity: NodeIdentity;
  readonly peers: Peers;
  readonly store: ChunkStore;
  readonly membership: CoreMembership;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The state wanted of the node at the start. */
  readonly desired: DesiredState;
  readonly events?: NodeEvents;
  readonly shares?: ShareLimits;
  /** Where scores outlive the process; absent: they do not. */
  readonly scoreMemory?: ScoreMemory;
  /** Where pointers to chunks that found no room here are kept; absent: there are none. */
  readonly pointerBooks?: PointerBooks;
  /** Other limits of reconciliation than the usual. */
  readonly reconciliation?: Partial<ReconciliationLimits>;
  /** Other limits of announcing than the usual. */
  readonly announcer?: AnnouncerLimits;
  /** Absent: the node makes no copies of its own accord. */
  readonly replication?: ReplicationPart;
  /** Absent: the node makes no statements that it, or another, may be stopped. */
  readonly stopping?: StoppingPart;
};

/** Who signs statements that a node may be stopped, and in which start of it. */
export type StoppingPart = { readonly key: SigningKey; readonly startCounter: number };

/** What keeping copies needs beside the core's own parts. */
export type ReplicationPart = {
  readonly limits: ReplicationLimits;
  /** This node's grant; null where it has none yet. */
  grant(): Uint8Array | null;
  readonly events?: ReplicationEvents;
};

export type VaultNodeCore = {
  /** Begins to watch and announce the vaults; the handlers serve as soon as `peers` is started. */
  start(): Promise<void>;
  /** Takes no more requests from now on. */
  closeForWork(): void;
  /** Resolves once the last request was answered. */
  idle(): Promise<void>;
  /** Copies what would have too few copies while this node is away; in bounded time, and never rejects. */
  handOver(): Promise<void>;
  /** Ends watching, upkeep, announcing and making copies. */
  stop(): Promise<void>;
  /** What the node finds out about copies and other vaults. */
  readonly upkeep: Pick<Upkeep, "comparer" | "auditor" | "scoreboard" | "scrub" | "mendWith" | "fault">;
  vaults(): readonly VaultCondition[];
  desired(): DesiredState;
  /** Takes on the state wanted by a person or the operator, and announces it. */
  setDesired(state: DesiredState): void;
  /** Looks at the store now and announces what changed. */
  refresh(): void;
  /** What it publishes of itself now. */
  figures(): NodeFigures;
  /** What keeping copies is about to do; undefined where it is not part of this node. */
  copies(): ReplicationProgress | undefined;
  /** Chunks that found no room here and of which it is known who took them. */
  pointers(): number;
  /** Undefined where neither replication nor a key for statements is part of this node. */
  readonly stops: StopStatements | undefined;
};

/** Builds a core and registers its handlers with `peers`, which must not be started yet. */
export function createVaultNodeCore(parts: CoreParts): VaultNodeCore {
  const { identity, peers, membership, clock, log, events = silentEvents } = parts;
  const upkeep = createUpkeep({ ...parts, ...identity, directory: membership.directory, events });
  const { store } = upkeep;
  // Made below: it asks for the desired state, and the conditions ask whether everything has come.
  let replicator: Replicator | undefined;
  const joined = (): boolean => membership.joined() && (replicator?.complete() ?? parts.replication === undefined);
  const pointers = pointersOf(parts, store);
  const conditions = createVaultConditions({
    vaults: identity.vaults,
    store,
    desired: parts.desired,
    joined,
    bytesBeside: pointers.bytesOf,
  });
  const { directory } = membership;
  const { scoreboard } = upkeep;
  const figures = createNodeFigures({ self: peers.self, directory, clock, scoreboard, copies: (isLive) => replicator?.figures(isLive) });
  const announce: AnnouncerParts["announce"] = (vaults, told) => membership.announce({ ...recordOf(parts, vaults), figures: told });
  const announcer = createAnnouncer({ conditions, clock, log, figures, announce }, parts.announcer);
  const gate = createWorkGate(events);
  const handlerParts: HandlerParts = {
    genesis: identity.genesis,
    node: identity.peerId,
    vaults: new Map(identity.vaults.map((vault) => [vault.name, vault])),
    stateOf: (vault) => conditions.stateOf(vault),
    store,
    grants: createGrantCache(identity.genesis, clock),
    shares: createPeerShares(clock, parts.shares),
    clock,
    events,
    expected: expectedOf(parts, upkeep),
    isFar: createNearness(membership.directory, identity.peerId),
    onStored: (addresses) => {
      replicator?.stored(addresses);
      pointers.arrived(addresses);
    },
    ...roomOf(conditions, pointers),
  };
  // Fenced and offline nodes answer nothing about chunks; who joins, is cordoned or drains still serves what it has.
  const serves = (): boolean => servesReads(conditions.desired());
  replicator = replicatorOf(parts, upkeep, { serves, lacking: pointAtLacking({ ...parts, conditions, pointers }) });
  const answers = leaverAnswersOf(parts, upkeep, replicator);
  handleRequests(parts, { upkeep, gate, handlerParts, serves, owes: replicator?.owed, answers });
  const stops = stopsOf(parts, upkeep, { replicator, answers });
  const forget = [store.onChange(announcer.refresh), onceJoined(membership, announcer.refresh)];
  return {
    start: async () => {
      await announcer.start();
      await upkeep.start();
      replicator?.start();
      pointers.start();
    },
    closeForWork: () => gate.close(),
    idle: () => gate.idle(),
    handOver: async () => replicator?.handOver(),
    stop: async () => {
      for (const stopListening of forget) stopListening();
      announcer.stop();
      stops?.stop();
      await replicator?.stop();
      await pointers.stop();
      await upkeep.stop();
    },
    upkeep,
    vaults: () => conditions.all(),
    desired: () => conditions.desired(),
    setDesired: (state) => {
      conditions.setDesired(state);
      announcer.refresh();
    },
    refresh: () => announcer.refresh(),
    figures,
    copies: () => replicator?.progress(),
    pointers: pointers.count,
    stops,
  };
}

function expectedOf({ membership, clock }: CoreParts, { isNode }: Upkeep): ExpectedCopies {
  const isLiveNode = (peer: PeerId): boolean => isNode(peer) && membership.directory.node(peer)?.state === "live";
  return createExpectedCopies({ nowMs: clock.monotonicMs, isLiveNode });
}

type Handling = {
  readonly upkeep: Upkeep;
  readonly gate: WorkGate;
  readonly handlerParts: HandlerParts;
  serves(): boolean;
  readonly owes: Replicator["owed"] | undefined;
  readonly answers: LeaverAnswers | undefined;
};

function handleRequests({ peers, clock, membership }: CoreParts, { upkeep, gate, handlerParts, serves, owes, answers }: Handling): void {
  peers.handle("put-chunks", gate.guard(createPutChunks(handlerParts), serves));
  peers.handle("get-chunks", gate.guard(createGetChunks(handlerParts), serves));
  peers.handle("has-chunks", gate.guard(createHasChunks(handlerParts), serves));
  for (const [kind, handler] of upkeep.handlers) peers.handle(kind, gate.guard(handler, serves));
  if (owes !== undefined) peers.handle("owed-chunks", gate.guard(createOwedChunks(handlerParts, owes), serves));
  if (answers !== undefined) peers.handle("leaver-chunks", gate.guard(createLeaverChunks({ ...upkeep, clock }, answers), serves));
  const isLiveNode = (peer: PeerId): boolean => upkeep.isNode(peer) && membership.directory.node(peer)?.state === "live";
  peers.handle("wrong-bytes", gate.guard(createWrongBytes({ ...handlerParts, ...upkeep, peers, isLiveNode }), serves));
  peers.handle("list-chunks", gate.guard(createListChunks({ ...upkeep, clock }), serves));
}

function stopsOf(
  parts: CoreParts,
  { store, auditorOver }: Upkeep,
  { replicator, answers }: { readonly replicator: Replicator | undefined; readonly answers: LeaverAnswers | undefined },
): StopStatements | undefined {
  const { identity, peers, membership, clock, random, log, stopping, replication } = parts;
  if (stopping === undefined || replication === undefined || replicator === undefined || answers === undefined) return undefined;
  const { chunksPerSurvey, bytesPerSecond, questionTimeoutMs, pushTimeoutMs } = replication.limits;
  const limits = { chunksPerSurvey, bytesPerSecond, questionTimeoutMs, fetchTimeoutMs: pushTimeoutMs };
  const { genesis } = identity;
  const { directory } = membership;
  const { view } = replicator;
  const world = { genesis, peers, directory, clock, random, log };
  return createStopStatements({ ...world, view, store, auditorOver, answers, ...stopping, ...limits });
}

/** What this node says of leavers; undefined where it does not look after copies. */
function leaverAnswersOf(
  { identity, peers, membership, clock }: CoreParts,
  upkeep: Upkeep,
  replicator: Replicator | undefined,
): LeaverAnswers | undefined {
  if (replicator === undefined) return undefined;
  const { copies } = identity.genesis;
  const held = { store: upkeep.store, shared: upkeep.inventory, view: replicator.view };
  return createLeaverAnswers({ self: peers.self, directory: membership.directory, copies, clock, ...held });
}

type ReplicatorWiring = { serves(): boolean; lacking(addresses: readonly Address[]): void };

function replicatorOf(
  parts: CoreParts,
  { store, auditor, mendWith, scoreboard, wrongBytes }: Upkeep,
  { serves, lacking }: ReplicatorWiring,
): Replicator | undefined {
  const { identity, peers, membership, clock, log, replication, events = silentEvents } = parts;
  if (replication === undefined) return undefined;
  const { genesis } = identity;
  const { directory } = membership;
  const replicator = createReplicator({
    genesis,
    peers,
    directory,
    store,
    clock,
    log,
    serves,
    joined: membership.joined,
    onDamaged: events.chunkDamaged,
    onWrongBytes: wrongBytes,
    distrusted: scoreboard.distrusted,
    auditor,
    ...replication,
  });
  mendWith(createMender(replicator, lacking));
  return replicator;
}

function pointersOf(parts: CoreParts, store: ChunkStore): Pointers {
  const { identity, membership, pointerBooks } = parts;
  const around = { directory: membership.directory, policy: identity.genesis.copies };
  return createPointers({ ...parts, ...around, books: pointerBooks ?? new Map(), holds: (address) => store.info(address) !== undefined });
}

/** What handlers ask about room and pointers. */
function roomOf(conditions: VaultConditions, pointers: Pointers): Pick<HandlerParts, "isFull" | "onFull" | "takerOf" | "takerInstead"> {
  return {
    isFull: conditions.isFull,
    onFull: pointers.refused,
    takerOf: pointers.takerOf,
    takerInstead: (address) => {
      const vault = pointers.vaultOf(address);
      return vault === undefined || conditions.hasRoom(vault) ? undefined : pointers.takerOf(address);
    },
  };
}

type Lacking = Pick<CoreParts, "identity" | "membership"> & { readonly conditions: VaultConditions; readonly pointers: Pointers };

/** Chunks that others have and a vault of this node should: where it is full nobody sends them, so it remembers who has them. */
function pointAtLacking({ identity, membership, conditions, pointers }: Lacking): ReplicatorWiring["lacking"] {
  return (addresses) => {
    for (const address of addresses) {
      const { holders } = membership.directory.closest(address, identity.genesis.copies.target, "all");
      const vault = holders.find(({ peer }) => peer === identity.peerId)?.vault;
      if (vault !== undefined && conditions.isFull(vault)) pointers.refused(vault, address);
    }
  };
}

function recordOf({ identity, peers }: CoreParts, vaults: readonly VaultCondition[]): Parameters<Membership["announce"]>[0] {
  return {
    addresses: peers.addresses(),
    domain: identity.domain,
    software: identity.software,
    vaults: vaults.map(({ vault, state, used, chunks }) => ({
      key: vault.key,
      capacity: vault.capacity,
      used,
      chunks,
      state,
      wallet: null,
    })),
  };
}

// Vaults turn from joining to active with the first node met: at once, not at the next look.
function onceJoined({ directory, joined }: CoreMembership, action: () => void): () => void {
  let waiting = true;
  return directory.onChange(() => {
    if (!waiting || !joined()) return;
    waiting = false;
    action();
  });
}
