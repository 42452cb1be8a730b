// Schemas for the values that travel inside messages: 32-byte ids, PeerIds, sizes. Each turns wire bytes into a branded
// text and back (zod codecs), so that a decoded message needs no further checks.
import { z } from "zod";
import { type Address, addressBytes, addressFromBytes } from "./address.ts";
import { hashLength } from "./hash.ts";
import { type PublicKey, publicKeyBytes, publicKeyFromBytes, publicKeyLength } from "./keys.ts";
import { chunkSizeMax } from "./limits.ts";
import { type PeerId, parsePeerId } from "./peer-id.ts";

const bytes: z.ZodType<Uint8Array, Uint8Array> = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected bytes");

/** Bytes of at most `max`. */
export const wireBytes = (max: number): z.ZodType<Uint8Array, Uint8Array> => bytes.refine((b) => b.length <= max, `at most ${max} bytes`);

/** An address as 32 bytes. */
export const wireAddress: z.ZodCodec<z.ZodType<Uint8Array, Uint8Array>, z.ZodCustom<Address>> = z.codec(
  bytes.refine((b) => b.length === hashLength, `expected ${hashLength} bytes`),
  z.custom<Address>(),
  { decode: addressFromBytes, encode: addressBytes },
);

/** A public key as 32 bytes. */
export const wirePublicKey: z.ZodCodec<z.ZodType<Uint8Array, Uint8Array>, z.ZodCustom<PublicKey>> = z.codec(
  bytes.refine((b) => b.length === publicKeyLength, `expected ${publicKeyLength} bytes`),
  z.custom<PublicKey>(),
  { decode: publicKeyFromBytes, encode: publicKeyBytes },
);

/** A PeerId as its base58 text. */
export const wirePeerId: z.ZodCustom<PeerId> = z.custom<PeerId>(
  (text) => typeof text === "string" && parsePeerId(text) !== undefined,
  "expected an ed25519 PeerId",
);

/** The size of a chunk in bytes, 1 to 4 MiB. */
export const wireChunkSize: z.ZodNumber = z.int().min(1).max(chunkSizeMax);

/** A whole number that is not negative and exact in JavaScript. */
export const wireCount: z.ZodNumber = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
