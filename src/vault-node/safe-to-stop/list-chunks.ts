// list-chunks: a page of what this node holds, for other nodes of the network, and how a node reads such pages of another.
import type { Answer, Handler, Peers } from "../../network/peers.ts";
import { type Address, addressBytes, addressFromBytes } from "../../protocol/address.ts";
import { concatBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { hashLength } from "../../protocol/hash.ts";
import { inventoryPageItems } from "../../protocol/limits.ts";
import { listChunksReply, listChunksRequest } from "../../protocol/messages/list-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { HandlerError } from "../errors.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import type { SharedChunks } from "../reconciliation/shared-chunks.ts";

export type ListChunksParts = {
  readonly inventory: Pick<SharedChunks, "ready" | "addresses">;
  readonly clock: Clock;
  /** Whether this peer is a node of the network: nobody else learns what is held here. */
  isNode(peer: PeerId): boolean;
};

// Pages a second for one asker: 160,000 addresses, so that 10^6 chunks take seconds and cost 5 MiB/s.
const pageShares = { ...shareLimits, requestsPerPeer: 1, ratePerPeer: 40, burstPerPeer: 80 };

/** The handler of list-chunks. Throws a `HandlerError`: malformed, stranger, or busy (over the peer's share, or the store is being read). */
export function createListChunks({ inventory, clock, isNode }: ListChunksParts): Handler {
  const shares = createPeerShares(clock, pageShares);
  return async (from, message): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of listing", from);
    try {
      if (!isNode(from)) throw new HandlerError("stranger", "not a node of this network", from);
      const decoded = decodeMessage(listChunksRequest, message.body);
      message.release();
      if (!decoded.ok) throw new HandlerError("malformed", decoded.why, from);
      if (!inventory.ready()) throw new HandlerError("busy", "what is here is being read", from);
      const { after } = decoded.value;
      const range = { from: after, to: new Uint8Array(0) };
      // The first of a later page is the last of the one before.
      const found = inventory.addresses(range, inventoryPageItems + 1).map(addressBytes);
      const chunks = found.filter((address) => after.length === 0 || Buffer.compare(address, after) > 0).slice(0, inventoryPageItems);
      const reply = { chunks: concatBytes(...chunks), more: chunks.length === inventoryPageItems };
      return { body: encodeMessage(listChunksReply, reply), chunks: [] };
    } finally {
      share.release();
    }
  };
}

/** Pages of a peer's inventory, in order, at most `itemsMax` addresses. Throws where the peer does not answer or breaks the order. */
export async function* listedChunks(
  { peers, timeoutMs }: { readonly peers: Pick<Peers, "request">; readonly timeoutMs: number },
  peer: PeerId,
  itemsMax: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Address[]> {
  let after: Uint8Array = new Uint8Array(0);
  for (let listed = 0; listed < itemsMax; ) {
    const body = encodeMessage(listChunksRequest, { after });
    const answer = await peers.request(peer, "list-chunks", { body, chunks: [] }, { timeoutMs, signal });
    const reply = decodeMessage(listChunksReply, answer.body);
    answer.release();
    if (!reply.ok) throw new HandlerError("malformed", reply.why, peer);
    const page: Address[] = [];
    for (let at = 0; at < reply.value.chunks.length; at += hashLength) {
      const next = new Uint8Array(reply.value.chunks.subarray(at, at + hashLength));
      if (after.length > 0 && Buffer.compare(next, after) <= 0) throw new HandlerError("malformed", "addresses do not ascend", peer);
      after = next;
      page.push(addressFromBytes(next));
    }
    listed += page.length;
    if (page.length > 0) yield page;
    if (!reply.value.more || page.length === 0) return;
  }
}
