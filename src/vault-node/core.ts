// The core of a vault node: handlers, vault states and their announcement over parts that are handed in, so that the
// program (libp2p, disk) and the simulator (network and store in memory) run the same code.
import type { Membership } from "../network/membership/membership.ts";
import type { NodeFigures } from "../protocol/node-figures.ts";
import { type DesiredState, servesReads } from "../protocol/states.ts";
import { createGrantCache } from "./admission.ts";
import { type AnnouncerParts, createAnnouncer } from "./announcer.ts";
import type { CoreMembership, CoreParts } from "./core-parts.ts";
import type { HandlerParts } from "./handlers/parts.ts";
import { leaverAnswersOf, replicatorOf, stopsOf } from "./keeping-copies.ts";
import { createNearness } from "./nearness.ts";
import { silentEvents } from "./node-events.ts";
import { createNodeFigures } from "./node-figures.ts";
import { createPeerShares } from "./peer-shares.ts";
import type { ReplicationProgress, Replicator } from "./replication/replicator.ts";
import { expectedOf, handleRequests } from "./request-handling.ts";
import { pointAtLacking, pointersOf, roomOf } from "./room.ts";
import type { StopStatements } from "./safe-to-stop/stop-statements.ts";
import { createUpkeep, type Upkeep } from "./upkeep.ts";
import { createVaultConditions, type VaultCondition } from "./vault-conditions.ts";
import { createWorkGate } from "./work-gate.ts";

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
  const stops = stopsOf(parts, upkeep, { replicator, answers });
  handleRequests(parts, { upkeep, gate, handlerParts, serves, owes: replicator?.owed, answers, stops });
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
