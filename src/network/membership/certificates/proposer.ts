// Proposes a certificate: one round of asking the confirmed nodes for their promise and then for their signature. Whatever
// one of them signed before is proposed instead of the own wish, so that what may be final stays so.
import {
  type ChainHead,
  type MembershipStatement,
  type NodeSignature,
  quorumOf,
  type ReadCertificate,
  sealCertificate,
  statementId,
  verifyVote,
} from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import type { EarlierVote, JoinerGrant, VoteReply, VoteRequest } from "../../../protocol/messages/membership-votes.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import { isSame, nextRound } from "./vote-state.ts";

export type ProposerParts = {
  readonly self: PeerId;
  readonly genesis: Genesis;
  /** Asks a node, this one included; undefined where it does not answer. Never rejects. */
  readonly ask: (peer: PeerId, request: VoteRequest) => Promise<VoteReply | undefined>;
};

export type Proposal = {
  readonly head: ChainHead;
  readonly statement: MembershipStatement;
  readonly grants: readonly JoinerGrant[];
  /** Confirmed nodes to be asked, this one among them. */
  readonly voters: readonly PeerId[];
  /** Highest round heard of. */
  readonly above: number;
};

/** final: signed by enough · outbid: another proposes in `round` · short: too few answer · unconvinced: too few see it that way · elsewhere: `peer` has another chain. */
export type ProposalOutcome =
  | { readonly kind: "final"; readonly certificate: ReadCertificate }
  | { readonly kind: "outbid"; readonly round: number }
  | { readonly kind: "elsewhere"; readonly peer: PeerId }
  | { readonly kind: "short" | "unconvinced" };

type Answer = { readonly peer: PeerId; readonly reply: VoteReply };
type Chosen = { readonly statement: MembershipStatement; readonly earlier: EarlierVote | null };

/** One round for a proposal. */
export async function propose(parts: ProposerParts, proposal: Proposal): Promise<ProposalOutcome> {
  const { head, statement, grants } = proposal;
  const round = nextRound(head, parts.self, proposal.above);
  const request: VoteRequest = { step: "prepare", previous: head.id, round, statement, grants, earlier: null };
  // The own promise first: it is on disk before others hear the round, so that no later start of this node uses it again.
  const own = await parts.ask(parts.self, request);
  if (own?.kind !== "promised") return failureOf([{ peer: parts.self, reply: own ?? { kind: "declined", why: "busy" } }]);
  const others = proposal.voters.filter((peer) => peer !== parts.self);
  const answers = [{ peer: parts.self, reply: own }, ...(await askAll(parts, others, request))];
  const chosen = choose(parts.genesis, proposal, answers);
  if (chosen === undefined) return failureOf(answers);
  const accept: VoteRequest = { ...request, step: "accept", ...chosen, grants: isSame(chosen.statement, statement) ? grants : [] };
  const votes = await askAll(parts, proposal.voters, accept);
  const id = statementId(parts.genesis.networkId, chosen.statement);
  const signatures = votes.flatMap(({ peer, reply }): readonly NodeSignature[] =>
    reply.kind === "signed" ? [{ node: peer, signature: reply.signature }] : [],
  );
  const valid = signatures.filter((one) => verifyVote(parts.genesis.networkId, { statement: id, round }, one));
  const needed = quorumOf(head.confirmed.size);
  if (valid.length < needed) return failureOf(votes);
  // No more than needed: a certificate is kept and passed on for ever.
  const approval = { kind: "nodes", round, signatures: valid.slice(0, needed) } as const;
  return { kind: "final", certificate: sealCertificate(parts.genesis.networkId, { statement: chosen.statement, approval }) };
}

async function askAll({ ask }: ProposerParts, peers: readonly PeerId[], request: VoteRequest): Promise<readonly Answer[]> {
  const replies = await Promise.all(peers.map(async (peer) => ({ peer, reply: await ask(peer, request) })));
  return replies.flatMap(({ peer, reply }): readonly Answer[] => (reply === undefined ? [] : [{ peer, reply }]));
}

/** What to ask signatures for: what was signed in the highest earlier round, else the own wish where enough agree. */
function choose({ networkId }: Genesis, { head, statement }: Proposal, answers: readonly Answer[]): Chosen | undefined {
  const promises = answers.flatMap(({ peer, reply }) => (reply.kind === "promised" ? [{ peer, ...reply }] : []));
  const needed = quorumOf(head.confirmed.size);
  if (promises.length < needed) return undefined;
  let highest: Chosen | undefined;
  for (const { peer, before } of promises) {
    if (before === null || before.round <= (highest?.earlier?.round ?? 0)) continue;
    const earlier = { node: peer, round: before.round, signature: before.signature };
    if (verifyVote(networkId, { statement: statementId(networkId, before.statement), round: before.round }, earlier))
      highest = { statement: before.statement, earlier };
  }
  if (highest !== undefined) return highest;
  return promises.filter(({ agrees }) => agrees).length >= needed ? { statement, earlier: null } : undefined;
}

function failureOf(answers: readonly Answer[]): ProposalOutcome {
  const rounds = answers.flatMap(({ reply }) => (reply.kind === "outbid" ? [reply.round] : []));
  if (rounds.length > 0) return { kind: "outbid", round: Math.max(...rounds) };
  const elsewhere = answers.find(({ reply }) => reply.kind === "elsewhere");
  if (elsewhere !== undefined) return { kind: "elsewhere", peer: elsewhere.peer };
  const isUnconvinced = answers.some(
    ({ reply }) => (reply.kind === "promised" && !reply.agrees) || (reply.kind === "declined" && reply.why === "unconvinced"),
  );
  return { kind: isUnconvinced ? "unconvinced" : "short" };
}
