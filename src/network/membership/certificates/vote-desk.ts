// The wire side of agreeing: takes in others' questions for a vote, and asks others. Strangers are turned away before
// anything costs a write.
import { decodeMessage, encodeMessage } from "../../../protocol/encoding.ts";
import { type VoteReply, type VoteRequest, voteReply, voteRequest } from "../../../protocol/messages/membership-votes.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Handler, Peers } from "../../peers.ts";
import type { Intake } from "../intake.ts";
import type { CertificateLimits } from "./certificate-limits.ts";
import type { ChainExchange } from "./chain-exchange.ts";
import type { ChainKeeper } from "./chain-keeper.ts";
import type { GrantBook } from "./grant-book.ts";
import type { Voter } from "./voter.ts";

export type VoteDeskParts = {
  readonly peers: Pick<Peers, "self" | "request">;
  readonly intake: Pick<Intake, "offend" | "admits">;
  readonly keeper: Pick<ChainKeeper, "book">;
  readonly grants: GrantBook;
  readonly voter: Voter | undefined;
  readonly exchange: ChainExchange;
  readonly limits: CertificateLimits;
};

export type VoteDesk = {
  readonly handler: Handler;
  /** Asks a node, this one included; undefined where it does not answer. Never rejects. */
  ask(peer: PeerId, request: VoteRequest): Promise<VoteReply | undefined>;
};

export function createVoteDesk(parts: VoteDeskParts): VoteDesk {
  const { peers, voter, intake, limits } = parts;
  return {
    handler: async (from, { body }) => {
      const request = intake.admits(from, body.length) ? decodeMessage(voteRequest, body) : undefined;
      if (request?.ok === false) intake.offend(from, request.why);
      if (request?.ok !== true) throw new Error("membership-votes: not looked at");
      return { body: encodeMessage(voteReply, await answer(parts, from, request.value)), chunks: [] };
    },
    ask: async (peer, request) => {
      try {
        if (peer === peers.self) return await voter?.answer(peer, request);
        const body = encodeMessage(voteRequest, request);
        const delivery = await peers.request(peer, "membership-votes", { body, chunks: [] }, { timeoutMs: limits.requestTimeoutMs });
        const reply = decodeMessage(voteReply, delivery.body);
        delivery.release();
        if (!reply.ok) intake.offend(peer, reply.why);
        return reply.ok ? reply.value : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

async function answer({ keeper, grants, voter, exchange }: VoteDeskParts, from: PeerId, request: VoteRequest): Promise<VoteReply> {
  const { book } = keeper;
  // Whoever asks about a certificate that is not here is further, or on another branch.
  if (!book.has(request.previous)) void exchange.meet(from);
  else if (!book.head().confirmed.has(from)) return { kind: "declined", why: "stranger" };
  for (const { node, grant } of request.grants) if (request.statement.joining.includes(node)) grants.add(node, grant);
  return (await voter?.answer(from, request)) ?? { kind: "declined", why: "stranger" };
}
