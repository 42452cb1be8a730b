// Compares what is held here with a peer, over the chunks that both should hold; and answers peers who compare.
import { NetworkError } from "../../network/errors.ts";
import type { Answer, Handler, Peers } from "../../network/peers.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { type CompareChunksReply, compareChunksReply, compareChunksRequest } from "../../protocol/messages/compare-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Random } from "../../runtime/random.ts";
import { HandlerError } from "../errors.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import { answerRanges, rangesFault } from "./compare-answer.ts";
import { createComparison, type Differences } from "./comparison.ts";
import { type ReconciliationLimits, reconciliationLimits } from "./reconciliation-limits.ts";
import type { SharedChunks } from "./shared-chunks.ts";

/** What a comparison cost: requests, and bytes of bodies both ways. */
export type ComparisonCost = { readonly messages: number; readonly bytes: number };

/**
 * compared: `isComplete` is false where there were more differences than one comparison brings home; `samePlaces` is false
 * where the two see other places, and chunks may only seem missing because one believes that another holds them.
 * failed: unreachable or refused (busy, reading its store, or not serving): try later; malformed or not-converged: the
 * peer's fault.
 */
export type CompareOutcome =
  | ({ readonly kind: "compared"; readonly isComplete: boolean; readonly samePlaces: boolean } & Differences & ComparisonCost)
  | ({ readonly kind: "failed"; readonly code: CompareFailure; readonly why: string } & ComparisonCost);

export const compareFailures = ["unreachable", "refused", "malformed", "not-converged"] as const;
export type CompareFailure = (typeof compareFailures)[number];

export type Comparer = {
  /** Compares the chunks that `peer` and this node should both hold. Rejects only with the signal's reason. */
  compare(peer: PeerId, signal: AbortSignal): Promise<CompareOutcome>;
};

export type ComparerParts = {
  readonly peers: Pick<Peers, "request">;
  readonly shared: Pick<SharedChunks, "with" | "whenReady" | "placement">;
  readonly clock: Clock;
  readonly random: Random;
};

/** A comparer over these parts. */
export function createComparer(parts: ComparerParts, limits: ReconciliationLimits = reconciliationLimits): Comparer {
  const { peers, shared, random } = parts;
  const ask = async (
    peer: PeerId,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ reply?: CompareChunksReply; bytes: number; why: string }> => {
    const answer = await peers.request(peer, "compare-chunks", { body, chunks: [] }, { timeoutMs: limits.timeoutMs, signal });
    const decoded = decodeMessage(compareChunksReply, answer.body);
    const bytes = answer.body.length;
    answer.release();
    return decoded.ok ? { reply: decoded.value, bytes, why: "" } : { bytes, why: decoded.why };
  };
  return {
    compare: async (peer, signal) => {
      await shared.whenReady(signal);
      const comparison = createComparison(shared.with(peer), random.fraction(), limits);
      const cost = { messages: 0, bytes: 0 };
      let samePlaces = true;
      const failed = (code: CompareFailure, why: string): CompareOutcome => ({ kind: "failed", code, why, ...cost });
      const outcome = (isComplete: boolean): CompareOutcome => ({
        kind: "compared",
        isComplete,
        samePlaces,
        ...comparison.differences(),
        ...cost,
      });
      for (let ranges = comparison.next(); ranges.length > 0; ranges = comparison.next()) {
        if (cost.messages >= limits.messagesMax || countOf(comparison.differences()) >= limits.differencesMax) return outcome(false);
        const body = encodeMessage(compareChunksRequest, { ranges });
        cost.messages += 1;
        cost.bytes += body.length;
        let answered: Awaited<ReturnType<typeof ask>>;
        try {
          answered = await ask(peer, body, signal);
        } catch (error) {
          signal.throwIfAborted();
          return failed(codeOf(error), error instanceof Error ? error.message : String(error));
        }
        cost.bytes += answered.bytes;
        if (answered.reply === undefined) return failed("malformed", answered.why);
        samePlaces &&= equalBytes(answered.reply.placement, shared.placement());
        const fault = comparison.take(answered.reply);
        if (fault !== undefined) return failed(fault.code, fault.why);
      }
      return outcome(comparison.isWhole());
    },
  };
}

function countOf({ onlyMine, onlyTheirs }: Differences): number {
  return onlyMine.length + onlyTheirs.length;
}

function codeOf(error: unknown): CompareFailure {
  if (!(error instanceof NetworkError)) return "unreachable";
  if (error.code === "refused" || error.code === "busy") return "refused";
  return error.code === "too-large" || error.code === "protocol" ? "malformed" : "unreachable";
}

export type CompareHandlerParts = {
  readonly shared: Pick<SharedChunks, "with" | "ready" | "placement">;
  readonly clock: Clock;
  /** Whether this peer is a node of the network: nobody else learns what is held here. */
  isNode(peer: PeerId): boolean;
};

/** The handler of compare-chunks. Throws a `HandlerError`: malformed, stranger, or busy (over the peer's share, or the store is being read). */
export function createCompareHandler(parts: CompareHandlerParts, limits: ReconciliationLimits = reconciliationLimits): Handler {
  const { shared, clock } = parts;
  const { ratePerPeer, burstPerPeer } = limits;
  const shares = createPeerShares(clock, { ...shareLimits, requestsPerPeer: 2, ratePerPeer, burstPerPeer });
  return async (from, message): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of comparisons", from);
    try {
      if (!parts.isNode(from)) throw new HandlerError("stranger", "not a node of this network", from);
      const decoded = decodeMessage(compareChunksRequest, message.body);
      message.release();
      const fault = decoded.ok ? rangesFault(decoded.value.ranges) : decoded.why;
      if (!decoded.ok || fault !== undefined) throw new HandlerError("malformed", fault ?? "", from);
      if (!shared.ready()) throw new HandlerError("busy", "the holders of what is here are being looked up", from);
      const findings = answerRanges(shared.with(from), decoded.value.ranges, limits);
      return { body: encodeMessage(compareChunksReply, { placement: shared.placement(), ...findings }), chunks: [] };
    } finally {
      share.release();
    }
  };
}
