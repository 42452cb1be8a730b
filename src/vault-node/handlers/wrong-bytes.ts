// wrong-bytes: a customer says that another node sent it wrong bytes. The word counts for nothing; that node is challenged for the
// chunk at once where it claims to have it, so that a lie costs an honest node one small read, and a rotten one is found now.
import type { Answer, Handler, Peers } from "../../network/peers.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { type WrongBytesRequest, wrongBytesReply, wrongBytesRequest } from "../../protocol/messages/wrong-bytes.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { GrantCache } from "../admission.ts";
import type { Auditor } from "../audit/auditor.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import { heldAt } from "../replication/survey.ts";
import { readRequest } from "./parts.ts";

export type WrongBytesParts = {
  readonly grants: GrantCache;
  readonly clock: Clock;
  readonly peers: Pick<Peers, "request" | "self">;
  readonly store: Pick<ChunkStore, "info">;
  readonly auditor: Auditor;
  /** Whether a peer is a node of the network that answers now. */
  isLiveNode(peer: PeerId): boolean;
};

// What one customer may say: six at once, then one in ten seconds.
const tellerShares = { ...shareLimits, requestsPerPeer: 2, ratePerPeer: 0.1, burstPerPeer: 6 };
// However many tell of it, a node is challenged once a minute: an honest one reads 4 MiB for it.
const challengeEveryMs = 60_000;
const questionTimeoutMs = 5_000;

/** The handler of wrong-bytes. Throws a `HandlerError`: malformed, busy (the peer says too much), or stranger (without a grant). */
export function createWrongBytes(parts: WrongBytesParts): Handler {
  const { grants, clock } = parts;
  const shares = createPeerShares(clock, tellerShares);
  const challengedAtMs = new Map<PeerId, number>();
  const isDue = ({ peer, chunk }: WrongBytesRequest): boolean => {
    const nowMs = clock.monotonicMs();
    for (const [known, atMs] of challengedAtMs) if (nowMs - atMs >= challengeEveryMs) challengedAtMs.delete(known);
    const due = isWorthAsking(parts, { peer, chunk }) && !challengedAtMs.has(peer);
    if (due) challengedAtMs.set(peer, nowMs);
    return due;
  };
  return async (from, message, signal): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of what it may say of others", from);
    try {
      const request = readRequest(wrongBytesRequest, message, from);
      if (grants.standing(from, request.grant).kind !== "valid") throw new HandlerError("stranger", "without a grant", from);
      const challenged = isDue(request) && (await challenge(parts, request, signal));
      return { body: encodeMessage(wrongBytesReply, { challenged }), chunks: [] };
    } finally {
      message.release();
      share.release();
    }
  };
}

// Only who has the chunk can judge a proof of it.
function isWorthAsking({ peers, store, isLiveNode }: WrongBytesParts, { peer, chunk }: Pick<WrongBytesRequest, "peer" | "chunk">): boolean {
  return peer !== peers.self && isLiveNode(peer) && store.info(chunk) !== undefined;
}

/** Challenges the node where it claims the chunk: what it does not claim it need not show. */
async function challenge({ peers, auditor }: WrongBytesParts, { peer, chunk }: WrongBytesRequest, signal: AbortSignal): Promise<boolean> {
  const said = await heldAt({ peers, timeoutMs: questionTimeoutMs }, peer, [chunk], signal);
  if (said?.held.has(chunk) !== true) return false;
  await auditor.audit({ peer, chunks: [chunk] }, signal);
  return true;
}
