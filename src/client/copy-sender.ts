// Sends copies of chunks to nodes, one put-chunks message for all that wait for a node, and judges the answer.
import { NetworkError } from "../network/errors.ts";
import type { Address } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import type { VaultName } from "../protocol/keys.ts";
import { chunksPerMessageMax, messageChunkBytesMax } from "../protocol/limits.ts";
import { type PutChunksReply, putChunksReply, putChunksRequest } from "../protocol/messages/put-chunks.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CustomerParts } from "./customer-parts.ts";
import type { PutRefusal } from "./errors.ts";
import { createNodeQueues, type NodeQueues } from "./node-queues.ts";
import { vouchedChunks } from "./receipt-check.ts";

/** A chunk for a vault; its bytes must stay as they are until the sending has settled. */
export type Copy = { readonly vault: VaultName; readonly address: Address; readonly bytes: Uint8Array };

/** Durably kept by the node · not kept, and why · not sent, or given up on the way. */
export type CopyOutcome =
  | { readonly kind: "stored" }
  | { readonly kind: "failed"; readonly reason: PutRefusal["reason"] }
  | { readonly kind: "given-up" };

export type CopySender = {
  /** `signal` takes back a copy that waits, `flight` gives up one that was sent. Never rejects. */
  send(peer: PeerId, copy: Copy, signal: AbortSignal, flight: AbortSignal): Promise<CopyOutcome>;
};

/** A sender with small and bulk messages in queues of their own, so that a small object never waits behind a large one. */
export function createCopySender(parts: CustomerParts): CopySender {
  const { limits } = parts;
  const queuesOf = (bytesMax: number): NodeQueues<Copy, CopyOutcome> =>
    createNodeQueues<Copy, CopyOutcome>({
      messagesPerNode: limits.putMessagesPerNode,
      fits: (copies, next) => fits(copies, next, bytesMax),
      send: (peer, copies, signal) => sendCopies(parts, peer, copies, signal),
      givenUp: { kind: "given-up" },
    });
  const small = queuesOf(limits.smallMessageMax);
  const bulk = queuesOf(messageChunkBytesMax);
  const queueFor = ({ bytes }: Copy): NodeQueues<Copy, CopyOutcome> => (bytes.length <= limits.smallMessageMax ? small : bulk);
  return { send: (peer, copy, signal, flight) => queueFor(copy).ask(peer, copy, signal, flight) };
}

// One message never names a chunk twice: two requests with one chunk each get an answer of their own.
function fits(copies: readonly Copy[], next: Copy, bytesMax: number): boolean {
  if (copies.length >= chunksPerMessageMax || copies.some(({ address }) => address === next.address)) return false;
  return copies.reduce((sum, { bytes }) => sum + bytes.length, next.bytes.length) <= bytesMax;
}

async function sendCopies(
  parts: CustomerParts,
  peer: PeerId,
  copies: readonly Copy[],
  signal: AbortSignal,
): Promise<readonly CopyOutcome[]> {
  // The bytes travel in the order of the groups.
  const groups = [...Map.groupBy(copies, ({ vault }) => vault)];
  const chunks = groups.flatMap(([, group]) => group.map(({ bytes }) => bytes));
  const request = { grant: parts.grant, groups: groups.map(([vault, group]) => ({ vault, chunks: group.map(({ address }) => address) })) };
  parts.metrics.sent(
    "put-chunks",
    chunks.reduce((sum, { length }) => sum + length, 0),
  );
  try {
    const body = encodeMessage(putChunksRequest, request);
    const answer = await parts.peers.request(peer, "put-chunks", { body, chunks }, { timeoutMs: parts.limits.putTimeoutMs, signal });
    const reply = decodeMessage(putChunksReply, answer.body);
    answer.release();
    if (reply.ok) return judge(parts, peer, copies, reply.value);
    parts.metrics.fault(peer, "bad-reply");
    return copies.map(() => ({ kind: "failed", reason: "bad-receipt" }));
  } catch (error) {
    const outcome = outcomeOf(error, signal);
    if (outcome.kind === "failed" && outcome.reason !== "busy") parts.membership.reportFailure(peer);
    return copies.map(() => outcome);
  }
}

function judge(parts: CustomerParts, peer: PeerId, copies: readonly Copy[], { groups }: PutChunksReply): readonly CopyOutcome[] {
  const check = { networkId: parts.genesis.networkId, directory: parts.membership.directory };
  const receipts = groups.flatMap(({ receipt }) => (receipt === null ? [] : [receipt]));
  const vouched = vouchedChunks(check, peer, receipts);
  if (!vouched.valid) {
    parts.metrics.fault(peer, "bad-receipt");
    parts.log.debug("a receipt does not hold", { peer });
  }
  const refused = new Map(groups.flatMap((group) => group.refused).map(({ chunk, reason }) => [chunk, reason]));
  return copies.map(({ address }): CopyOutcome => {
    if (vouched.chunks.has(address)) return { kind: "stored" };
    return { kind: "failed", reason: refused.get(address) ?? "bad-receipt" };
  });
}

function outcomeOf(error: unknown, signal: AbortSignal): CopyOutcome {
  if (signal.aborted) return { kind: "given-up" };
  const code = error instanceof NetworkError ? error.code : "unreachable";
  return { kind: "failed", reason: code === "timeout" || code === "busy" ? code : "unreachable" };
}
