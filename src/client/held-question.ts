// Asks nodes which chunks they have already, many in one message, so that an upload that was cut does not send them again.
import type { Address } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { addressesPerRequestMax } from "../protocol/limits.ts";
import { hasChunksReply, hasChunksRequest } from "../protocol/messages/has-chunks.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { createNodeQueues, type NodeQueues } from "./node-queues.ts";
import { vouchedChunks } from "./receipt-check.ts";

/** Held (its size, and whether a valid receipt came with it) · not held · no answer. */
export type HeldAnswer =
  | { readonly kind: "held"; readonly size: number; readonly vouched: boolean }
  | { readonly kind: "not-held" }
  | { readonly kind: "unknown" };

export type HeldQuestion = { ask(peer: PeerId, address: Address, signal: AbortSignal): Promise<HeldAnswer> };

/** Questions with (`receipts`) or without receipts over what is held. */
export function createHeldQuestion(parts: CustomerParts, receipts: boolean): HeldQuestion {
  const queues: NodeQueues<Address, HeldAnswer> = createNodeQueues({
    messagesPerNode: parts.limits.questionsPerNode,
    fits: (asked) => asked.length < addressesPerRequestMax,
    send: (peer, addresses, signal) => ask(parts, peer, { chunks: addresses, receipts }, signal),
    givenUp: { kind: "unknown" },
  });
  return { ask: queues.ask };
}

type Question = { readonly chunks: readonly Address[]; readonly receipts: boolean };

async function ask(parts: CustomerParts, peer: PeerId, question: Question, signal: AbortSignal): Promise<readonly HeldAnswer[]> {
  const { chunks, receipts } = question;
  const unknown = chunks.map((): HeldAnswer => ({ kind: "unknown" }));
  parts.metrics.sent("has-chunks", 0);
  try {
    const message = { body: encodeMessage(hasChunksRequest, { chunks: [...new Set(chunks)], receipts }), chunks: [] };
    const answer = await parts.peers.request(peer, "has-chunks", message, { timeoutMs: parts.limits.probeTimeoutMs, signal });
    const reply = decodeMessage(hasChunksReply, answer.body);
    answer.release();
    if (!reply.ok) {
      parts.metrics.fault(peer, "bad-reply");
      return unknown;
    }
    const check = { networkId: parts.genesis.networkId, directory: parts.membership.directory };
    const vouched = vouchedChunks(check, peer, reply.value.receipts);
    if (!vouched.valid) parts.metrics.fault(peer, "bad-receipt");
    const sizes = new Map(reply.value.held.map(({ chunk, size }) => [chunk, size]));
    return chunks.map((chunk): HeldAnswer => {
      const size = sizes.get(chunk);
      return size === undefined ? { kind: "not-held" } : { kind: "held", size, vouched: vouched.chunks.has(chunk) };
    });
  } catch {
    return unknown;
  }
}
