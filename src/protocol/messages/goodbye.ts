// goodbye: a node's signed word that it goes, `away` for a short while or `leaving` for good. It travels as the body of a
// request of the same name and is passed on unchanged; the answer's body is empty.
import { z } from "zod";
import type { Address } from "../address.ts";
import type { Decoded } from "../encoding.ts";
import type { SigningKey } from "../keys.ts";
import { awayMax } from "../limits.ts";
import type { PeerId } from "../peer-id.ts";
import { peerIdFromPublicKey, publicKeyOfPeerId } from "../peer-id.ts";
import { stopStatementMax } from "../safe-to-stop.ts";
import { openSigned, type SignedKind, signFields, verifyOpened } from "../signed.ts";
import { wireBytes, wireCount, wirePeerId } from "../wire-types.ts";

/** Largest goodbye, bytes: two statements and what surrounds them. */
export const goodbyeSizeMax: number = 2 * stopStatementMax + 512;

/** That nothing is missing without the leaver: its own statement, the second source's word on it, and when it left (its wall time). */
export type LeavingProof = { readonly statement: Uint8Array; readonly witness: Uint8Array; readonly leftAtMs: number };

/**
 * Away: back within this many milliseconds, counted by each receiver from when it heard. Leaving: for good; without a proof that
 * holds (protocol/leaving.ts) it counts as the longest absence.
 */
export type Departure =
  | { readonly kind: "away"; readonly backInMs: number }
  | { readonly kind: "leaving"; readonly proof?: LeavingProof | undefined };

/** Who goes, and which of its records this follows: a record with a newer (start counter, sequence) takes it back. */
export type Goodbye = {
  readonly peerId: PeerId;
  readonly startCounter: number;
  readonly sequence: number;
  readonly departure: Departure;
};

const departure: z.ZodType<Departure> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("away"), backInMs: z.int().min(1).max(awayMax) }),
  z.object({
    kind: z.literal("leaving"),
    proof: z.object({ statement: wireBytes(stopStatementMax), witness: wireBytes(stopStatementMax), leftAtMs: wireCount }).optional(),
  }),
]);
const goodbyeKind: SignedKind<Goodbye> = {
  tag: "goodbye",
  fields: z.object({ peerId: wirePeerId, startCounter: wireCount, sequence: wireCount, departure }),
};

/** A goodbye signed by the node. Throws for an absence longer than `awayMax`. */
export function signGoodbye(networkId: Address, nodeKey: SigningKey, goodbye: Omit<Goodbye, "peerId">): Uint8Array {
  return signFields(goodbyeKind, networkId, nodeKey, { ...goodbye, peerId: peerIdFromPublicKey(nodeKey.publicKey) });
}

/** A goodbye out of untrusted bytes, its signature checked. Never throws. */
export function readGoodbye(networkId: Address, bytes: Uint8Array): Decoded<Goodbye> {
  if (bytes.length > goodbyeSizeMax) return { ok: false, code: "wrong-shape", why: `a goodbye has at most ${goodbyeSizeMax} bytes` };
  const opened = openSigned(goodbyeKind, bytes);
  if (!opened.ok) return opened;
  const { fields } = opened.value;
  if (!verifyOpened(opened.value, networkId, publicKeyOfPeerId(fields.peerId)))
    return { ok: false, code: "wrong-shape", why: `not signed by ${fields.peerId} for this network` };
  return { ok: true, value: fields };
}
