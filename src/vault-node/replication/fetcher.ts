// Brings back chunks that this node lost: asks those around for the bytes, one after another, and keeps what has the right
// address. For rot found by reading or scrubbing; copies that others lack are pushed to them instead.
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import type { VaultName } from "../../protocol/keys.ts";
import { getChunksReply, getChunksRequest } from "../../protocol/messages/get-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";

export type FetcherParts = {
  readonly peers: Pick<Peers, "request">;
  readonly store: Pick<ChunkStore, "put" | "info">;
  readonly timeoutMs: number;
  /** Who may have a chunk, best first, this node left out. */
  whom(address: Address): readonly PeerId[];
  onWrongBytes(peer: PeerId, address: Address): void;
  /** The vault of this node that should keep a chunk; undefined where none should: then it stays away. */
  vaultFor(address: Address): VaultName | undefined;
};

/** Whether the chunk is here again, or need not be. Rejects with the signal's reason, or where the own store fails. */
export async function fetchBack(parts: FetcherParts, address: Address, signal: AbortSignal): Promise<boolean> {
  const vault = parts.vaultFor(address);
  if (vault === undefined || parts.store.info(address) !== undefined) return true;
  const whom = [...parts.whom(address)];
  // Who is pointed to is asked next, once.
  for (const peer of whom) {
    signal.throwIfAborted();
    const got = await takeFrom(parts, peer, { address, vault }, signal);
    if (got === true) return true;
    // The others would send it in vain.
    if (got === "no-room") return false;
    if (got !== false && !whom.includes(got) && whom.length < pointedMax) whom.push(got);
  }
  return false;
}

// Nodes asked for one chunk in all: those around, and as many that they point to.
const pointedMax = 32;

type Wanted = { readonly address: Address; readonly vault: VaultName };

/** Whether it is here now, or came and finds no room here; or who took it when that node had no room. */
async function takeFrom(
  { peers, store, timeoutMs, onWrongBytes }: FetcherParts,
  peer: PeerId,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<boolean | "no-room" | PeerId> {
  const { address, vault } = wanted;
  const body = encodeMessage(getChunksRequest, { chunks: [address] });
  const answer = await peers.request(peer, "get-chunks", { body, chunks: [] }, { timeoutMs, signal }).catch(() => undefined);
  if (answer === undefined) return false;
  try {
    const reply = decodeMessage(getChunksReply, answer.body);
    const [bytes] = answer.chunks;
    if (reply.ok && bytes === undefined) return reply.value.elsewhere?.find(({ chunk }) => chunk === address)?.peer ?? false;
    if (!reply.ok || bytes === undefined) return false;
    if (answer.hashes[0] !== address) {
      onWrongBytes(peer, address);
      return false;
    }
    const [outcome] = await store.put([{ vault, address, bytes }]);
    return outcome === "stored" || outcome === "held" || "no-room";
  } finally {
    answer.release();
  }
}
