// What a node promised and signed for the next place in the chain, and the rules by which it promises and signs: the
// acceptor of single-decree Paxos (Lamport, Paxos Made Simple, 2001). Pure; whoever uses it keeps the state before answering.
import { z } from "zod";
import type { Address } from "../../../protocol/address.ts";
import { type ChainHead, type MembershipStatement, membershipStatement } from "../../../protocol/certificate.ts";
import { decodeMessage, encodeMessage } from "../../../protocol/encoding.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import { wireAddress, wireCount } from "../../../protocol/wire-types.ts";

/** For the place after `previous`: the highest round heard, and what was signed last. */
export type VoteState = {
  readonly sequence: number;
  readonly previous: Address;
  readonly promised: number;
  readonly signed: { readonly round: number; readonly statement: MembershipStatement } | null;
};

const schema: z.ZodType<VoteState> = z.object({
  sequence: wireCount,
  previous: wireAddress,
  promised: wireCount,
  signed: z.object({ round: wireCount, statement: membershipStatement }).nullable(),
});

export function encodeVotes(state: VoteState): Uint8Array {
  return encodeMessage(schema, state);
}

/** The state in kept bytes, undefined where they cannot be read. */
export function decodeVotes(bytes: Uint8Array): VoteState | undefined {
  const decoded = decodeMessage(schema, bytes);
  return decoded.ok ? decoded.value : undefined;
}

export function freshVotes(head: ChainHead): VoteState {
  return { sequence: head.sequence + 1, previous: head.id, promised: 0, signed: null };
}

/**
 * The state for the place after `head`: the one kept, or a fresh one where that was for an earlier place. Undefined where it
 * is for a later one: this node lost part of its chain, and must not sign again what it may have signed before.
 */
export function votesAt(kept: VoteState | undefined, head: ChainHead): VoteState | undefined {
  if (kept?.previous === head.id) return kept;
  return kept === undefined || kept.sequence <= head.sequence + 1 ? freshVotes(head) : undefined;
}

/** After hearing a proposer's round: undefined where it, or a higher one, was promised: no round is begun twice, not even by one proposer. */
export function promise(state: VoteState, round: number): VoteState | undefined {
  return round <= state.promised ? undefined : { ...state, promised: round };
}

/** After signing in a round: undefined where a higher one was promised, or another statement was signed in this very round. */
export function sign(state: VoteState, round: number, statement: MembershipStatement): VoteState | undefined {
  if (round < state.promised) return undefined;
  if (state.signed?.round === round && !isSame(state.signed.statement, statement)) return undefined;
  return { ...state, promised: round, signed: { round, statement } };
}

export function isSame(a: MembershipStatement, b: MembershipStatement): boolean {
  const text = ({ sequence, previous, joining, leaving }: MembershipStatement): string =>
    `${sequence} ${previous} ${joining.join()} ${leaving.join()}`;
  return text(a) === text(b);
}

// Rounds rise by a few; one far ahead would leave no room for others.
const roundStepMax = 1_000_000;

/** Rounds are dealt out among the confirmed nodes, so that no two ever propose in the same one. */
export function isRoundOf(head: ChainHead, proposer: PeerId, round: number, promised: number): boolean {
  return round % head.confirmed.size === placeOf(head, proposer) && round > 0 && round - promised <= roundStepMax;
}

/** The next round of a node that is above every round heard of. */
export function nextRound(head: ChainHead, proposer: PeerId, above: number): number {
  const count = head.confirmed.size;
  const base = above + 1;
  return base + ((((placeOf(head, proposer) - base) % count) + count) % count);
}

function placeOf(head: ChainHead, peer: PeerId): number {
  return [...head.confirmed].sort().indexOf(peer);
}
