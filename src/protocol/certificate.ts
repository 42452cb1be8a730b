// Certificates of membership: the signed statements that let nodes into the groups for records, or out of them. Each names
// the one before it, so that they make a chain. Signed by more than half of the nodes confirmed so far, or by the network's owner.
import { z } from "zod";
import { type Address, addressFromBytes } from "./address.ts";
import { type Decoded, type DecodeFailure, decodeMessage, encodeMessage } from "./encoding.ts";
import type { Genesis } from "./genesis.ts";
import { hash } from "./hash.ts";
import { type SigningKey, signatureLength, verifySignature } from "./keys.ts";
import { certificateChainMax, certificateNamesMax, certificateSizeMax, confirmedNodesMax } from "./limits.ts";
import { type PeerId, publicKeyOfPeerId } from "./peer-id.ts";
import { type SignedKind, signedBody } from "./signed.ts";
import { wireAddress, wireBytes, wireCount, wirePeerId } from "./wire-types.ts";

/**
 * Who joins and who leaves, together. `sequence` counts from 1; `previous` is the id of the statement before, of the first
 * one the network id. Both lists are in the order of their text, without doubles, and have nobody in common.
 */
export type MembershipStatement = {
  readonly sequence: number;
  readonly previous: Address;
  readonly joining: readonly PeerId[];
  readonly leaving: readonly PeerId[];
};

/** A node's word for a statement, given in one round of agreeing on it. */
export type NodeSignature = { readonly node: PeerId; readonly signature: Uint8Array };

/** By whom a statement is approved. */
export type Approval =
  | { readonly kind: "nodes"; readonly round: number; readonly signatures: readonly NodeSignature[] }
  | { readonly kind: "owner"; readonly signature: Uint8Array };

export type MembershipCertificate = { readonly statement: MembershipStatement; readonly approval: Approval };

/** A certificate with its id (that of its statement) and its bytes. Signatures are not yet checked: see `judgeCertificate`. */
export type ReadCertificate = MembershipCertificate & { readonly id: Address; readonly bytes: Uint8Array };

/** Where a chain of certificates stands: its last id and number, and who is confirmed. Before the first: the network id, 0, nobody. */
export type ChainHead = { readonly id: Address; readonly sequence: number; readonly confirmed: ReadonlySet<PeerId> };

const ascending = (peers: readonly PeerId[]): boolean => peers.every((peer, i) => i === 0 || (peers[i - 1] ?? "") < peer);
const peers: z.ZodType<readonly PeerId[]> = z
  .array(wirePeerId)
  .max(confirmedNodesMax)
  .refine(ascending, "expected distinct PeerIds in the order of their text");

export const membershipStatement: z.ZodType<MembershipStatement> = z
  .object({ sequence: z.int().min(1).max(certificateChainMax), previous: wireAddress, joining: peers, leaving: peers })
  .refine(({ joining, leaving }) => joining.length + leaving.length > 0, "a statement names somebody")
  .refine(({ joining, leaving }) => !joining.some((peer) => leaving.includes(peer)), "nobody joins and leaves at once");

const signature: z.ZodType<Uint8Array> = wireBytes(signatureLength).refine(
  ({ length }) => length === signatureLength,
  "a signature has 64 bytes",
);
const signatures: z.ZodType<readonly NodeSignature[]> = z
  .array(z.object({ node: wirePeerId, signature }))
  .min(1)
  .max(confirmedNodesMax)
  .refine((list) => ascending(list.map(({ node }) => node)), "expected distinct signers in the order of their text");
const approval: z.ZodType<Approval> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("nodes"), round: wireCount, signatures }),
  z.object({ kind: z.literal("owner"), signature }),
]);
const certificate: z.ZodType<MembershipCertificate> = z.object({ statement: membershipStatement, approval });

const statementKind: SignedKind<MembershipStatement> = { tag: "membership-statement", fields: membershipStatement };
const ownerKind: SignedKind<MembershipStatement> = { tag: "membership-owner", fields: membershipStatement };
type Vote = { readonly statement: Address; readonly round: number };
const voteKind: SignedKind<Vote> = { tag: "membership-vote", fields: z.object({ statement: wireAddress, round: wireCount }) };

/** Signatures of how many of `confirmed` nodes make a statement final: more than half. */
export function quorumOf(confirmed: number): number {
  return Math.floor(confirmed / 2) + 1;
}

/** H of the statement in its network: what the next one names as `previous`. It does not depend on who signs. */
export function statementId(networkId: Address, statement: MembershipStatement): Address {
  return addressFromBytes(hash(signedBody(statementKind, networkId, statement)));
}

/** A node's word for a statement (by its id) in a round. */
export function signVote(networkId: Address, nodeKey: SigningKey, vote: Vote): Uint8Array {
  return nodeKey.sign(signedBody(voteKind, networkId, vote));
}

/** Whether `node` gave its word for a statement in a round. */
export function verifyVote(networkId: Address, vote: Vote, { node, signature: bytes }: NodeSignature): boolean {
  return verifySignature(publicKeyOfPeerId(node), signedBody(voteKind, networkId, vote), bytes);
}

/** A certificate by the network's owner: the first of a chain, or one that declares nodes lost. */
export function signAsOwner(genesis: Genesis, owner: SigningKey, statement: MembershipStatement): ReadCertificate {
  const word = owner.sign(signedBody(ownerKind, genesis.networkId, statement));
  return sealCertificate(genesis.networkId, { statement, approval: { kind: "owner", signature: word } });
}

/** A certificate as it travels; signers may come in any order. Throws for one that breaks the schema. */
export function sealCertificate(networkId: Address, made: MembershipCertificate): ReadCertificate {
  const sorted = made.approval.kind === "nodes" ? { ...made.approval, signatures: byNode(made.approval.signatures) } : made.approval;
  const whole = { statement: made.statement, approval: sorted };
  return { ...whole, id: statementId(networkId, made.statement), bytes: encodeMessage(certificate, whole) };
}

function byNode(list: readonly NodeSignature[]): readonly NodeSignature[] {
  return [...list].sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** A certificate out of untrusted bytes, its form checked. Never throws. */
export function readCertificate(networkId: Address, bytes: Uint8Array): Decoded<ReadCertificate> {
  if (bytes.length > certificateSizeMax) return failure(`a certificate has at most ${certificateSizeMax} bytes`);
  const decoded = decodeMessage(certificate, bytes);
  if (!decoded.ok) return decoded;
  return { ok: true, value: { ...decoded.value, id: statementId(networkId, decoded.value.statement), bytes } };
}

function failure(why: string): DecodeFailure {
  return { ok: false, code: "wrong-shape", why };
}

/**
 * gap: names another certificate as the one before · names: lets in who is in, or out who is not, or too many, or nobody is
 * left · stranger: signed by a node that is not confirmed · too-few: not by more than half · bad-signature: of a node or the owner.
 */
export type CertificateRefusal = "gap" | "names" | "stranger" | "too-few" | "bad-signature";
export type CertificateVerdict = { readonly ok: true } | { readonly ok: false; readonly code: CertificateRefusal; readonly why: string };

/** Whether a certificate continues the chain that stands at `head`: its names fit, and who must sign has signed. Never throws. */
export function judgeCertificate(genesis: Genesis, head: ChainHead, { statement, approval: by, id }: ReadCertificate): CertificateVerdict {
  const names = judgeStatement(head, statement);
  if (!names.ok) return names;
  if (by.kind === "owner") return judgeOwner(genesis, statement, by.signature);
  if (statement.sequence === 1) return refuse("stranger", "the first certificate is signed by the owner of the network");
  if (statement.joining.length + statement.leaving.length > certificateNamesMax)
    return refuse("names", `nodes let at most ${certificateNamesMax} in and out at once`);
  const stranger = by.signatures.find(({ node }) => !head.confirmed.has(node));
  if (stranger !== undefined) return refuse("stranger", `${stranger.node} is not confirmed`);
  const needed = quorumOf(head.confirmed.size);
  if (by.signatures.length < needed) return refuse("too-few", `${by.signatures.length} signatures, ${needed} needed`);
  const forged = by.signatures.find((one) => !verifyVote(genesis.networkId, { statement: id, round: by.round }, one));
  return forged === undefined ? { ok: true } : refuse("bad-signature", `not signed by ${forged.node} for this network`);
}

function judgeOwner(genesis: Genesis, statement: MembershipStatement, word: Uint8Array): CertificateVerdict {
  if (statement.sequence > 1 && statement.joining.length > 0)
    return refuse("names", "after the first certificate the owner only declares nodes lost");
  const signed = verifySignature(genesis.owner, signedBody(ownerKind, genesis.networkId, statement), word);
  return signed ? { ok: true } : refuse("bad-signature", "not signed by the owner of this network");
}

/** Whether a statement could follow `head`, whoever signs it. */
export function judgeStatement(head: ChainHead, { sequence, previous, joining, leaving }: MembershipStatement): CertificateVerdict {
  if (previous !== head.id || sequence !== head.sequence + 1) return refuse("gap", `follows ${previous}, here the last is ${head.id}`);
  const inside = joining.find((peer) => head.confirmed.has(peer));
  if (inside !== undefined) return refuse("names", `${inside} is confirmed already`);
  const outside = leaving.find((peer) => !head.confirmed.has(peer));
  if (outside !== undefined) return refuse("names", `${outside} is not confirmed`);
  const left = head.confirmed.size + joining.length - leaving.length;
  if (left < 1 || left > confirmedNodesMax) return refuse("names", `${left} nodes would be confirmed, 1 to ${confirmedNodesMax} may be`);
  return { ok: true };
}

function refuse(code: CertificateRefusal, why: string): CertificateVerdict {
  return { ok: false, code, why };
}

/** The chain after a statement that was judged. */
export function headAfter(head: ChainHead, id: Address, { sequence, joining, leaving }: MembershipStatement): ChainHead {
  const gone = new Set(leaving);
  return { id, sequence, confirmed: new Set([...head.confirmed, ...joining].filter((peer) => !gone.has(peer))) };
}

/** The chain of a network before its first certificate. */
export function emptyChain(networkId: Address): ChainHead {
  return { id: networkId, sequence: 0, confirmed: new Set() };
}
