// Whether a node may be stopped, decided from two pairs of statements: the node's own and a second source's, taken twice.
// Pure; the one decision of the command line and of whoever else stops nodes.
import type { Address } from "./address.ts";
import { equalBytes } from "./bytes.ts";
import type { CopiesPolicy } from "./genesis.ts";
import { hash } from "./hash.ts";
import { publicKeyBytes } from "./keys.ts";
import { type PeerId, publicKeyOfPeerId } from "./peer-id.ts";
import { copiesNeeded, readStopStatement, readStopWitness, type StopPurpose, type StopStatement } from "./safe-to-stop.ts";

/** The two statements of a pair must be this far from those of the other, and the later not older, milliseconds. */
export const stopPairsApartMs = 30_000;
export const stopPairAgeMax = 60_000;

/** A node that may be the second source; `host`: its label, empty where hosts are not labelled. */
export type WitnessCandidate = { readonly peerId: PeerId; readonly host: string };

/**
 * A node's statement and the word of a second source on it; `takenAtMs`: when both were there, on the monotonic clock of whoever decides.
 * `turn`: whose turn it was among all nodes of the network, as one of the candidates said that was asked for the word; absent: among the candidates.
 */
export type StopPair = {
  readonly statement: Uint8Array;
  readonly witness: Uint8Array;
  readonly takenAtMs: number;
  readonly turn?: PeerId;
};

export type StopQuestion = {
  readonly networkId: Address;
  readonly copies: CopiesPolicy;
  readonly node: WitnessCandidate;
  readonly purpose: StopPurpose;
  /** The nodes that answered when the later pair was taken, as whoever decides knows them. */
  readonly candidates: readonly WitnessCandidate[];
  readonly first: StopPair;
  readonly second: StopPair;
  readonly nowMs: number;
};

/**
 * bad-statement: unreadable, or of another node or purpose · too-few-nodes: fewer than `min` would be left · short: too few
 * copies of some chunks would be left · wrong-witness: not by the node whose turn it is · not-confirmed: the second source
 * saw something else, or holders did not show their copies · restarted, inventory-changed, membership-changed: between the
 * two pairs · too-soon: less than 30 s apart · stale: the later pair is over a minute old.
 */
export const stopObstacles = [
  "bad-statement",
  "too-few-nodes",
  "short",
  "wrong-witness",
  "not-confirmed",
  "restarted",
  "inventory-changed",
  "membership-changed",
  "too-soon",
  "stale",
] as const;
export type StopObstacle = (typeof stopObstacles)[number];
export type StopDecision = { readonly ok: true } | { readonly ok: false; readonly obstacle: StopObstacle; readonly why: string };

/** Whether a node may be stopped. */
export function mayBeStopped(question: StopQuestion): StopDecision {
  const { first, second, nowMs } = question;
  const earlier = checkStatement(question, first.statement);
  const later = checkStatement(question, second.statement);
  if (!earlier.ok) return earlier;
  if (!later.ok) return later;
  const words = [checkWitness(question, first, earlier.statement), checkWitness(question, second, later.statement)];
  const objection = words.find(({ ok }) => !ok) ?? changeBetween(earlier.statement, later.statement);
  if (!objection.ok) return objection;
  if (second.takenAtMs - first.takenAtMs < stopPairsApartMs || later.statement.statedAtMs <= earlier.statement.statedAtMs)
    return no("too-soon", `the two looks are less than ${stopPairsApartMs / 1000} s apart`);
  if (nowMs - second.takenAtMs > stopPairAgeMax) return no("stale", `the later look is over ${stopPairAgeMax / 1000} s old`);
  return { ok: true };
}

export type CheckedStatement = { readonly ok: true; readonly statement: StopStatement } | Extract<StopDecision, { ok: false }>;

/** What a node's own statement says by itself: read, of the right node and purpose, and without anything missing. */
export function checkStatement(
  { networkId, copies, node, purpose }: Pick<StopQuestion, "networkId" | "copies" | "node" | "purpose">,
  bytes: Uint8Array,
): CheckedStatement {
  const read = readStopStatement(networkId, bytes);
  if (!read.ok) return no("bad-statement", read.why);
  const statement = read.value;
  if (statement.node !== node.peerId || statement.purpose !== purpose)
    return no("bad-statement", `of ${statement.node} for ${statement.purpose}, not of ${node.peerId} for ${purpose}`);
  if (statement.stayers < copies.min)
    return no("too-few-nodes", `${statement.stayers} nodes would be left, ${copies.min} copies are promised, one a node`);
  const needed = copiesNeeded(purpose, copies, statement.stayers);
  if (statement.short > 0) return no("short", `${statement.short} chunks would have fewer than ${needed} copies`);
  return { ok: true, statement };
}

/**
 * Whose turn it is to be the second source: of the nodes on another host (where hosts are labelled, and there is one) the
 * one whose H(public key) is nearest to H(statement). Undefined where there is no other node.
 */
export function witnessFor(
  statement: Uint8Array,
  node: WitnessCandidate,
  candidates: readonly WitnessCandidate[],
): WitnessCandidate | undefined {
  const others = candidates.filter(({ peerId }) => peerId !== node.peerId);
  const elsewhere = others.filter(({ host }) => node.host !== "" && host !== node.host);
  const goal = hash(statement);
  const ranked = (elsewhere.length > 0 ? elsewhere : others).map((candidate) => ({ candidate, distance: distanceTo(goal, candidate) }));
  return ranked.sort((a, b) => Buffer.compare(a.distance, b.distance))[0]?.candidate;
}

function distanceTo(goal: Uint8Array, { peerId }: WitnessCandidate): Uint8Array {
  const own = hash(publicKeyBytes(publicKeyOfPeerId(peerId)));
  return goal.map((byte, i) => byte ^ (own[i] ?? 0));
}

/** Whether the second source confirms a statement, and is the one whose turn it is: never the node itself. */
export function checkWitness(
  { networkId, node, candidates }: Pick<StopQuestion, "networkId" | "node" | "candidates">,
  pair: Pick<StopPair, "statement" | "witness" | "turn">,
  statement: StopStatement,
): StopDecision {
  const read = readStopWitness(networkId, pair.witness);
  if (!read.ok) return no("not-confirmed", read.why);
  const word = read.value;
  const turn = pair.turn ?? witnessFor(pair.statement, node, candidates)?.peerId;
  if (turn !== word.witness || turn === node.peerId)
    return no("wrong-witness", `${word.witness} answered, it is the turn of ${turn ?? "nobody"}`);
  if (!equalBytes(word.statement, hash(pair.statement))) return no("not-confirmed", `${word.witness} confirmed another statement`);
  if (!equalBytes(word.inventory, statement.inventory) || word.count !== statement.count)
    return no("not-confirmed", `${word.witness} saw ${word.count} chunks there, not the same ${statement.count}`);
  if (!equalBytes(word.membership, statement.membership))
    return no("membership-changed", `${word.witness} sees other nodes around its chunks`);
  if (word.short > 0) return no("not-confirmed", `${word.witness} misses copies of ${word.short} chunks`);
  if (word.failed > 0) return no("not-confirmed", `too few holders showed their copies of ${word.failed} of ${word.audited} chunks`);
  return { ok: true };
}

function changeBetween(a: StopStatement, b: StopStatement): StopDecision {
  if (a.startCounter !== b.startCounter) return no("restarted", "the node started anew between the two looks");
  if (!equalBytes(a.inventory, b.inventory)) return no("inventory-changed", "what the node holds changed between the two looks");
  if (!equalBytes(a.membership, b.membership)) return no("membership-changed", "nodes around its chunks came, went or started anew");
  return { ok: true };
}

function no(obstacle: StopObstacle, why: string): Extract<StopDecision, { ok: false }> {
  return { ok: false, obstacle, why };
}
