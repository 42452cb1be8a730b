// Answers those who ask this node to agree on the next certificate. One question at a time; what it promises and signs is
// on disk before the answer leaves.
import type { Address } from "../../../protocol/address.ts";
import { type ChainHead, judgeStatement, signVote, statementId, verifyVote } from "../../../protocol/certificate.ts";
import type { Genesis } from "../../../protocol/genesis.ts";
import type { SigningKey } from "../../../protocol/keys.ts";
import type { VoteReply, VoteRequest } from "../../../protocol/messages/membership-votes.ts";
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Log } from "../../../runtime/log.ts";
import type { CertificateStore } from "./certificate-store.ts";
import type { ConfirmedBook } from "./confirmed-book.ts";
import { decodeVotes, encodeVotes, freshVotes, isRoundOf, isSame, promise, sign, type VoteState, votesAt } from "./vote-state.ts";

export type VoterParts = {
  readonly self: PeerId;
  readonly genesis: Genesis;
  readonly nodeKey: SigningKey;
  readonly book: Pick<ConfirmedBook, "head" | "has">;
  readonly store: Pick<CertificateStore, "loadVotes" | "saveVotes">;
  readonly log: Log;
  /** Whether this node sees the named ones as the statement does. */
  readonly agrees: (statement: VoteRequest["statement"]) => boolean;
};

export type Voter = {
  load(): Promise<void>;
  /** The answer to a question of `from`, which may be this node itself. Rejects where the disk fails. */
  answer(from: PeerId, request: VoteRequest): Promise<VoteReply>;
  /** What was promised and signed for the next place of the chain; undefined where this node was further once. */
  state(): VoteState | undefined;
  /** The owner replaced part of the chain: what was signed for places that are no more is forgotten. */
  reset(): Promise<void>;
};

/** A voter that holds nothing until `load`. `waitingMax`: questions that may wait. */
export function createVoter(parts: VoterParts, waitingMax: number): Voter {
  const { book, store, log } = parts;
  let kept: VoteState | undefined;
  // Where this node woke up with a chain that its last votes do not belong to: a crash undid the owner's word, and with it the votes
  // taken back for it are owed again and unknown.
  let forgotten: Address | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  const keep = async (state: VoteState): Promise<void> => {
    await store.saveVotes(encodeVotes(state));
    kept = state;
  };
  const state = (): VoteState | undefined => (book.head().id === forgotten ? undefined : votesAt(kept, book.head()));
  const inTurn = <T>(action: () => Promise<T>): Promise<T> => {
    waiting += 1;
    const mine = turn.then(action, action).finally(() => {
      waiting -= 1;
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  const decide = async (from: PeerId, request: VoteRequest): Promise<VoteReply> => {
    const now = state();
    const refusal = refuse(parts, now, { from, request });
    if (refusal !== undefined || now === undefined) return refusal ?? { kind: "declined", why: "busy" };
    const next = request.step === "prepare" ? promise(now, request.round) : signIfConvinced(parts, now, { from, request });
    if (next === "unconvinced") return { kind: "declined", why: "unconvinced" };
    if (next === undefined) return { kind: "outbid", round: now.promised };
    if (next.promised !== kept?.promised || next.signed !== kept.signed || next.previous !== kept.previous) await keep(next);
    return request.step === "prepare" ? promised(parts, next, request) : signed(parts, request);
  };
  return {
    load: async () => {
      const bytes = await store.loadVotes();
      kept = bytes === undefined ? undefined : decodeVotes(bytes);
      forgotten = kept === undefined || book.has(kept.previous) ? undefined : book.head().id;
      if (bytes === undefined || kept !== undefined) return;
      // Nothing is known of what was signed: the number beyond every chain keeps this node silent until the owner's word.
      log.error("the file of membership votes is damaged; this node signs no certificates until the file is removed by hand", {});
      kept = { ...freshVotes(book.head()), sequence: Number.MAX_SAFE_INTEGER, previous: parts.genesis.networkId };
    },
    answer: (from, request) =>
      waiting >= waitingMax ? Promise.resolve({ kind: "declined", why: "busy" }) : inTurn(() => decide(from, request)),
    state,
    // What was signed for the very place that the owner's word opens, before it was here in full, stays.
    reset: () =>
      inTurn(async () => {
        if (kept?.previous !== book.head().id) await keep(freshVotes(book.head()));
      }),
  };
}

type Question = { readonly from: PeerId; readonly request: VoteRequest };

function refuse({ self, book }: VoterParts, state: VoteState | undefined, { from, request }: Question): VoteReply | undefined {
  const head = book.head();
  if (request.previous !== head.id) return { kind: "elsewhere", head: head.id, sequence: head.sequence };
  if (!head.confirmed.has(from) || !head.confirmed.has(self)) return { kind: "declined", why: "stranger" };
  if (state === undefined) return { kind: "declined", why: "busy" };
  const isInOrder = judgeStatement(head, request.statement).ok && isRoundOf(head, from, request.round, state.promised);
  return isInOrder ? undefined : { kind: "declined", why: "unconvinced" };
}

/**
 * A statement is signed where this node sees the named ones that way, or signed it before, or another signed it in an
 * earlier round: then it may be final already, and finishing it is the only way on.
 */
function signIfConvinced(parts: VoterParts, state: VoteState, { request }: Question): VoteState | "unconvinced" | undefined {
  const { statement, round } = request;
  const own = state.signed !== null && isSame(state.signed.statement, statement);
  if (!own && !wasSigned(parts, request) && !parts.agrees(statement)) return round < state.promised ? undefined : "unconvinced";
  return sign(state, round, statement);
}

function wasSigned({ genesis, book }: VoterParts, { earlier, round, statement }: VoteRequest): boolean {
  const head: ChainHead = book.head();
  if (earlier === null || earlier.round >= round || !head.confirmed.has(earlier.node)) return false;
  return verifyVote(genesis.networkId, { statement: statementId(genesis.networkId, statement), round: earlier.round }, earlier);
}

function promised(parts: VoterParts, state: VoteState, { statement }: VoteRequest): VoteReply {
  const before = state.signed === null ? null : { ...state.signed, signature: word(parts, state.signed) };
  return { kind: "promised", before, agrees: parts.agrees(statement) };
}

function signed(parts: VoterParts, request: VoteRequest): VoteReply {
  return { kind: "signed", signature: word(parts, request) };
}

function word({ genesis, nodeKey }: VoterParts, { round, statement }: Pick<VoteRequest, "round" | "statement">): Uint8Array {
  return signVote(genesis.networkId, nodeKey, { statement: statementId(genesis.networkId, statement), round });
}
