// Which requests of peers a vault node answers, each through the gate that closes when it goes.
import { isStranger } from "../network/directory.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CoreParts } from "./core-parts.ts";
import { createExpectedCopies, type ExpectedCopies } from "./expected-copies.ts";
import { createGetChunks } from "./handlers/get-chunks.ts";
import { createHasChunks } from "./handlers/has-chunks.ts";
import { createOwedChunks } from "./handlers/owed-chunks.ts";
import type { HandlerParts } from "./handlers/parts.ts";
import { createPutChunks } from "./handlers/put-chunks.ts";
import { createWrongBytes } from "./handlers/wrong-bytes.ts";
import type { Replicator } from "./replication/replicator.ts";
import { createLeaverChunks, type LeaverAnswers } from "./safe-to-stop/leaver-chunks.ts";
import { createListChunks } from "./safe-to-stop/list-chunks.ts";
import type { StopStatements } from "./safe-to-stop/stop-statements.ts";
import { createWitnessHandler } from "./safe-to-stop/witness-desk.ts";
import type { Upkeep } from "./upkeep.ts";
import type { WorkGate } from "./work-gate.ts";

/** What the handlers work with; `owes`, `answers` and `stops` are absent where the node does not look after copies. */
export type Handling = {
  readonly upkeep: Upkeep;
  readonly gate: WorkGate;
  readonly handlerParts: HandlerParts;
  serves(): boolean;
  readonly owes: Replicator["owed"] | undefined;
  readonly answers: LeaverAnswers | undefined;
  readonly stops: Pick<StopStatements, "desk"> | undefined;
};

/** Answers the requests of peers, for as long as the gate is open and the node serves. */
export function handleRequests(
  { peers, clock, membership }: CoreParts,
  { upkeep, gate, handlerParts, serves, owes, answers, stops }: Handling,
): void {
  peers.handle("put-chunks", gate.guard(createPutChunks(handlerParts), serves));
  peers.handle("get-chunks", gate.guard(createGetChunks(handlerParts), serves));
  peers.handle("has-chunks", gate.guard(createHasChunks(handlerParts), serves));
  for (const [kind, handler] of upkeep.handlers) peers.handle(kind, gate.guard(handler, serves));
  if (owes !== undefined) peers.handle("owed-chunks", gate.guard(createOwedChunks(handlerParts, owes), serves));
  if (answers !== undefined) peers.handle("leaver-chunks", gate.guard(createLeaverChunks({ ...upkeep, clock }, answers), serves));
  const isMember = (peer: PeerId): boolean => upkeep.isNode(peer) && !isStranger(membership.directory.node(peer));
  if (stops !== undefined) peers.handle("stop-witness", gate.guard(createWitnessHandler({ clock, isMember, desk: stops.desk }), serves));
  const isLiveNode = (peer: PeerId): boolean => upkeep.isNode(peer) && membership.directory.node(peer)?.state === "live";
  peers.handle("wrong-bytes", gate.guard(createWrongBytes({ ...handlerParts, ...upkeep, peers, isLiveNode }), serves));
  peers.handle("list-chunks", gate.guard(createListChunks({ ...upkeep, clock }), serves));
}

/** Which copies the node expects from others, those that are nodes and live. */
export function expectedOf({ membership, clock }: CoreParts, { isNode }: Upkeep): ExpectedCopies {
  const isLiveNode = (peer: PeerId): boolean => isNode(peer) && membership.directory.node(peer)?.state === "live";
  return createExpectedCopies({ nowMs: clock.monotonicMs, isLiveNode });
}
