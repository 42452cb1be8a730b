// The organs that keep copies, and that say what would be missing without a node: absent where the node has no part in it.
import type { Address } from "../protocol/address.ts";
import type { CoreParts } from "./core-parts.ts";
import { silentEvents } from "./node-events.ts";
import { createMender } from "./replication/mending.ts";
import { createReplicator, type Replicator } from "./replication/replicator.ts";
import { createLeaverAnswers, type LeaverAnswers } from "./safe-to-stop/leaver-chunks.ts";
import { createStopStatements, type StopStatements } from "./safe-to-stop/stop-statements.ts";
import type { Upkeep } from "./upkeep.ts";

/** `serves`: whether the node may answer now; `lacking`: is told of chunks that a vault should have and has not. */
export type ReplicatorWiring = { serves(): boolean; lacking(addresses: readonly Address[]): void };

/** Makes copies again; undefined where that is no part of this node. */
export function replicatorOf(
  parts: CoreParts,
  { store, auditor, mendWith, scoreboard, wrongBytes, refused, took }: Upkeep,
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
    onRefused: refused,
    onTaken: took,
    distrusted: scoreboard.distrusted,
    auditor,
    ...replication,
  });
  mendWith(createMender(replicator, lacking));
  return replicator;
}

/** What this node says of leavers; undefined where it does not look after copies. */
export function leaverAnswersOf(
  { identity, peers, membership, clock }: CoreParts,
  upkeep: Upkeep,
  replicator: Replicator | undefined,
): LeaverAnswers | undefined {
  if (replicator === undefined) return undefined;
  const { copies } = identity.genesis;
  const held = { store: upkeep.store, shared: upkeep.inventory, view: replicator.view };
  return createLeaverAnswers({ self: peers.self, directory: membership.directory, copies, clock, ...held });
}

/** Statements that a node may be stopped; undefined where neither replication nor a key for them is part of this node. */
export function stopsOf(
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
