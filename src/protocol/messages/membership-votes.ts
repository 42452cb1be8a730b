// membership-votes: a confirmed node asks the others to agree on the next membership certificate, in two steps of one
// round: promise to hear nobody with a lower round, then sign. Single-decree Paxos (Lamport, Paxos Made Simple, 2001).
import { z } from "zod";
import type { Address } from "../address.ts";
import { type MembershipStatement, membershipStatement, type NodeSignature } from "../certificate.ts";
import { grantSizeMax } from "../grant.ts";
import { signatureLength } from "../keys.ts";
import { certificateNamesMax } from "../limits.ts";
import type { PeerId } from "../peer-id.ts";
import { wireAddress, wireBytes, wireCount, wirePeerId } from "../wire-types.ts";

/** A node that joins, and the owner's grant for it. */
export type JoinerGrant = { readonly node: PeerId; readonly grant: Uint8Array };

/** The proof that a statement was signed in an earlier round, so that it may be final already. */
export type EarlierVote = NodeSignature & { readonly round: number };

/**
 * prepare: would you sign this, and have you signed anything? · accept: sign this. `previous`: the certificate that the
 * statement follows. `earlier` where the statement was not chosen by the asker but found with another node.
 */
export type VoteRequest = {
  readonly step: "prepare" | "accept";
  readonly previous: Address;
  readonly round: number;
  readonly statement: MembershipStatement;
  readonly grants: readonly JoinerGrant[];
  readonly earlier: EarlierVote | null;
};

/** What a node has signed for this place in the chain. */
export type SignedBefore = { readonly round: number; readonly statement: MembershipStatement; readonly signature: Uint8Array };

/** stranger: not confirmed here · unconvinced: this node sees the named ones otherwise · busy: too many questions at once, or behind. */
export const declineReasons = ["stranger", "unconvinced", "busy"] as const;

/** elsewhere: the asked one's chain stands at another certificate: bring them together first. */
export type VoteReply =
  | { readonly kind: "promised"; readonly before: SignedBefore | null; readonly agrees: boolean }
  | { readonly kind: "signed"; readonly signature: Uint8Array }
  | { readonly kind: "outbid"; readonly round: number }
  | { readonly kind: "elsewhere"; readonly head: Address; readonly sequence: number }
  | { readonly kind: "declined"; readonly why: (typeof declineReasons)[number] };

const signature: z.ZodType<Uint8Array> = wireBytes(signatureLength);

export const voteRequest: z.ZodType<VoteRequest> = z.object({
  step: z.enum(["prepare", "accept"]),
  previous: wireAddress,
  round: wireCount,
  statement: membershipStatement,
  grants: z.array(z.object({ node: wirePeerId, grant: wireBytes(grantSizeMax) })).max(certificateNamesMax),
  earlier: z.object({ node: wirePeerId, signature, round: wireCount }).nullable(),
});

const signedBefore: z.ZodType<SignedBefore> = z.object({ round: wireCount, statement: membershipStatement, signature });

export const voteReply: z.ZodType<VoteReply> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("promised"), before: signedBefore.nullable(), agrees: z.boolean() }),
  z.object({ kind: z.literal("signed"), signature }),
  z.object({ kind: z.literal("outbid"), round: wireCount }),
  z.object({ kind: z.literal("elsewhere"), head: wireAddress, sequence: wireCount }),
  z.object({ kind: z.literal("declined"), why: z.enum(declineReasons) }),
]);
