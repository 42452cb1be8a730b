// The second source's side towards other nodes: looks at a leaver for whoever asks, one look at a time for each, for a few at once, and
// only where this node's word would be believed. Others than nodes of the network are sent away.
import type { Answer, Handler } from "../../network/peers.ts";
import { toHex } from "../../protocol/bytes.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { hash } from "../../protocol/hash.ts";
import { type StopWitnessReply, stopWitnessReply, stopWitnessRequest, type WitnessRefusal } from "../../protocol/messages/stop-witness.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Clock } from "../../runtime/clock.ts";
import { HandlerError } from "../errors.ts";
import { readRequest } from "../handlers/parts.ts";
import { createPeerShares, shareLimits } from "../peer-shares.ts";
import { createStopJobs, type StopJobs } from "./stop-jobs.ts";

export type WitnessDeskParts = {
  readonly clock: Clock;
  /** Why there is no look at this statement; undefined where there is one. */
  refusal(statement: Uint8Array): WitnessRefusal | undefined;
  /** The look. */
  look(statement: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
};

export type WitnessDesk = {
  /** What `from` is answered about this statement. */
  ask(from: PeerId, statement: Uint8Array): Promise<StopWitnessReply>;
  stop(): void;
};

/** Askers looked for at once: a look is work for hours where much is there, and who asks slowly must not keep away all others. */
export const witnessAskersMax = 4;

/** Nobody has asked yet. */
export function createWitnessDesk({ clock, refusal, look }: WitnessDeskParts): WitnessDesk {
  const jobsOf = new Map<PeerId, StopJobs>();
  const place = (from: PeerId): StopJobs | undefined => {
    const own = jobsOf.get(from);
    if (own !== undefined) return own;
    for (const [peer, jobs] of jobsOf) if (!jobs.isBusy()) jobsOf.delete(peer);
    if (jobsOf.size >= witnessAskersMax) return undefined;
    const jobs = createStopJobs(clock);
    jobsOf.set(from, jobs);
    return jobs;
  };
  return {
    ask: async (from, statement) => {
      // A copy, since the bytes may belong to a request that ends before the work does.
      const bytes = new Uint8Array(statement);
      const name = toHex(hash(bytes));
      // Judged when the look begins: a long one makes the statement older, and nodes come and go.
      const why = jobsOf.get(from)?.isBusy(name) === true ? undefined : refusal(bytes);
      if (why !== undefined) return { kind: "declined", why };
      const job = await place(from)?.ask(name, (signal) => look(bytes, signal));
      if (job === undefined) return { kind: "declined", why: "busy" };
      if (job.kind === "failed") return { kind: "declined", why: "not-made" };
      return job.kind === "done" ? { kind: "signed", word: job.bytes } : job;
    },
    stop: () => {
      for (const jobs of jobsOf.values()) jobs.stop();
    },
  };
}

// One question at a time, each answered within seconds, and asked again a quarter of a second later.
const deskShares = { ...shareLimits, requestsPerPeer: 1, ratePerPeer: 4, burstPerPeer: 16 };

export type WitnessHandlerParts = {
  readonly clock: Clock;
  readonly desk: Pick<WitnessDesk, "ask">;
  /** Whether this peer is a node of the network, for which something speaks. */
  isMember(peer: PeerId): boolean;
};

/** The handler of stop-witness. Throws a `HandlerError`: malformed, stranger, or busy (over the peer's share). */
export function createWitnessHandler({ clock, desk, isMember }: WitnessHandlerParts): Handler {
  const shares = createPeerShares(clock, deskShares);
  return async (from, message): Promise<Answer> => {
    const share = shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share of second sources", from);
    try {
      if (!isMember(from)) throw new HandlerError("stranger", "not a node of this network", from);
      const { statement } = readRequest(stopWitnessRequest, message, from);
      const reply = await desk.ask(from, statement);
      message.release();
      return { body: encodeMessage(stopWitnessReply, reply), chunks: [] };
    } finally {
      share.release();
    }
  };
}
