// stop-witness: a node asks another, whose turn it is, for its word as the second source on a statement that a third node made of
// itself. Long works are begun, `working` is answered, and whoever asks asks again.
import { z } from "zod";
import { stopStatementMax } from "../safe-to-stop.ts";
import { wireBytes } from "../wire-types.ts";

/** `statement`: as it was signed. */
export type StopWitnessRequest = { readonly statement: Uint8Array };

/**
 * busy: others are looked at for other askers · unknown: not the statement of another node known there · too-old: made too long
 * ago to be shown at a goodbye · other-turn: it is another node's turn, as the one asked sees the network · not-made: the look failed.
 */
export const witnessRefusals = ["busy", "unknown", "too-old", "other-turn", "not-made"] as const;
export type WitnessRefusal = (typeof witnessRefusals)[number];

/** `word`: the signed word of the one asked. */
export type StopWitnessReply =
  | { readonly kind: "working" }
  | { readonly kind: "signed"; readonly word: Uint8Array }
  | { readonly kind: "declined"; readonly why: WitnessRefusal };

export const stopWitnessRequest: z.ZodType<StopWitnessRequest> = z.object({ statement: wireBytes(stopStatementMax) });

export const stopWitnessReply: z.ZodType<StopWitnessReply> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("working") }),
  z.object({ kind: z.literal("signed"), word: wireBytes(stopStatementMax) }),
  z.object({ kind: z.literal("declined"), why: z.enum(witnessRefusals) }),
]);
