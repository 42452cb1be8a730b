// leaver-chunks: what a second source is told of a node that is to stop, by that node and by the other holders of its chunks.
import type { Answer, Handler } from "../../network/peers.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { leaverAroundMax } from "../../protocol/limits.ts";
import {
  type LeaverChunksReply,
  type LeaverChunksRequest,
  leaverChunksReply,
  leaverChunksRequest,
} from "../../protocol/messages/leaver-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { createInventoryRoot } from "../../protocol/safe-to-stop.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import { readRequest } from "../handlers/parts.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import { answerRanges, rangesFault } from "../reconciliation/compare-answer.ts";
import { reconciliationLimits } from "../reconciliation/reconciliation-limits.ts";
import type { SharedChunks } from "../reconciliation/shared-chunks.ts";
import { createLeaverSets, type LeaverSetsParts } from "./leaver-sets.ts";
import { noteAround, type StopStatementParts } from "./stop-statement.ts";

export type LeaverChunksParts = LeaverSetsParts &
  Pick<StopStatementParts, "view"> & {
    readonly store: Pick<ChunkStore, "addresses">;
    readonly shared: Pick<SharedChunks, "placement">;
    readonly clock: Clock;
    /** Whether this peer is a node of the network: nobody else learns what is held here. */
    isNode(peer: PeerId): boolean;
  };

// Requests of one asker: a comparison of 10^6 chunks with hundreds of differences takes some hundred.
const leaverShares = { ...shareLimits, requestsPerPeer: 2, ratePerPeer: 40, burstPerPeer: 512 };
const chunksPerTurn = 500;

/** What this node answers about a leaver, itself or another; undefined where it cannot now. */
export type LeaverAnswers = (request: LeaverChunksRequest) => Promise<LeaverChunksReply | undefined>;

/** Answers out of what is held here. */
export function createLeaverAnswers(parts: Omit<LeaverChunksParts, "isNode">): LeaverAnswers {
  const sets = createLeaverSets(parts);
  return async (request) => {
    if (request.kind === "inventory") return inventoryOf(parts);
    const set = await sets.setOf(request.leaver, request.other);
    if (set === undefined) return undefined;
    const found = { placement: parts.shared.placement(), ...answerRanges(set, request.ranges, reconciliationLimits) };
    return { kind: "ranges", found };
  };
}

/** The handler of leaver-chunks. Throws a `HandlerError`: malformed, stranger, or busy (over the peer's share, or with another leaver). */
export function createLeaverChunks({ clock, isNode }: Pick<LeaverChunksParts, "clock" | "isNode">, answers: LeaverAnswers): Handler {
  const shares = createPeerShares(clock, leaverShares);
  return async (from, message): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of looking at leavers", from);
    try {
      if (!isNode(from)) throw new HandlerError("stranger", "not a node of this network", from);
      const request = readRequest(leaverChunksRequest, message, from);
      message.release();
      const fault = request.kind === "ranges" ? rangesFault(request.ranges) : undefined;
      if (fault !== undefined) throw new HandlerError("malformed", fault, from);
      const reply = await answers(request);
      if (reply === undefined) throw new HandlerError("busy", "another leaver is looked at, or more is around than can be named", from);
      return { body: encodeMessage(leaverChunksReply, reply), chunks: [] };
    } finally {
      share.release();
    }
  };
}

async function inventoryOf(parts: Omit<LeaverChunksParts, "isNode">): Promise<LeaverChunksReply | undefined> {
  const root = createInventoryRoot();
  const around = new Set<PeerId>();
  const addresses = [...parts.store.addresses()].sort();
  for (const [index, address] of addresses.entries()) {
    if (index % chunksPerTurn === 0) await parts.clock.sleep(0);
    root.add(address);
    noteAround(parts, [address], around);
  }
  if (around.size > leaverAroundMax) return undefined;
  return { kind: "inventory", count: addresses.length, inventory: root.end(), around: [...around] };
}
