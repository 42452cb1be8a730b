// What two peers say on the control stream to open a lane: who will receive asks who will send. The answer names a port
// and a one-time secret to dial; or the asker offers its own, where the sender cannot be dialled.
import { z } from "zod";
import { concatBytes, textBytes } from "../../protocol/bytes.ts";
import { decodeMessage, encodeMessage } from "../../protocol/encoding.ts";
import { hash } from "../../protocol/hash.ts";
import { wireBytes } from "../../protocol/wire-types.ts";
import type { Random } from "../../runtime/random.ts";
import { LaneError } from "./failure.ts";
import type { LaneToken } from "./lane-messages.ts";

/** Where a lane can be opened once: a port beside the libp2p address, and a secret. */
export type LaneOffer = { readonly port: number; readonly identity: string; readonly key: Uint8Array };

const keyLength = 32;
const laneOffer: z.ZodType<LaneOffer> = z.object({
  port: z.int().min(1).max(65535),
  identity: z.string().min(8).max(64),
  key: wireBytes(keyLength).refine((key) => key.length === keyLength, `expected ${keyLength} bytes`),
});

/**
 * `offer` of the asker: null = "tell me yours". `offer` of the answer: null = none; the sender dials the asker's, where there is one.
 * `window`: bytes of requests that the other side may have under way on the lane, as lane-window.ts counts; 0 = none at all.
 */
export type OpenLane = { readonly offer: LaneOffer | null; readonly window: number };
const openLane: z.ZodType<OpenLane> = z.object({ offer: laneOffer.nullable(), window: z.int().min(0).max(0xffff_ffff) });

export function openLaneBody(said: OpenLane): Uint8Array {
  return encodeMessage(openLane, said);
}

/** A question or answer. Throws a LaneError for anything else. */
export function readOpenLane(body: Uint8Array): OpenLane {
  const read = decodeMessage(openLane, body);
  if (!read.ok) throw new LaneError("none", `an offer of a lane that cannot be read: ${read.why}`);
  return read.value;
}

/** A fresh offer of `port`. */
export function makeOffer(port: number, random: Random): LaneOffer {
  return { port, identity: Buffer.from(random.bytes(16)).toString("hex"), key: random.bytes(keyLength) };
}

/** The token of an offer: the network key is mixed in, so that a lane too opens only within the network. */
export function tokenOf({ identity, key }: LaneOffer, networkKey: Uint8Array | undefined): LaneToken {
  return { identity, key: hash(concatBytes(textBytes("vaultfarm lane"), networkKey ?? new Uint8Array(0), key)) };
}
