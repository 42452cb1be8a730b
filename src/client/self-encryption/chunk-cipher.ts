// ChaCha20-Poly1305 and the pad over one chunk's stream, piece by piece, so that only one piece is ever newly allocated.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { giveBack } from "./give-back.ts";
import type { ChunkKeys } from "./key-derivation.ts";
import { padBlockLength, padLength, xorPad } from "./pad.ts";

/** Bytes by which a sealed chunk is longer than its stream. */
export const tagLength = 16;

// Whole pads and whole words, just under 64 KiB: small enough to be recycled by the allocator, large enough not to be many.
const pieceLength: number = padBlockLength * 630;
const algorithm = "chacha20-poly1305";
const scratch = new Uint8Array(pieceLength);

/** Seals `stream` into `target` (room for 16 bytes more; may begin at the same memory). Gives the sealed length. */
export function sealStream(stream: Uint8Array, target: Uint8Array, keys: ChunkKeys): number {
  const length = stream.length;
  if (target.length < length + tagLength) throw new RangeError(`${length} bytes sealed do not fit ${target.length}`);
  const cipher = createCipheriv(algorithm, keys.key, keys.nonce, { authTagLength: tagLength });
  for (let start = 0; start < length; start += pieceLength) {
    const piece = cipher.update(stream.subarray(start, start + pieceLength));
    xorPad(piece, target.subarray(start, start + piece.length), keys.pad);
    giveBack(piece);
  }
  cipher.final();
  xorPad(cipher.getAuthTag(), target.subarray(length, length + tagLength), keys.pad, length % padLength);
  return length + tagLength;
}

/** Opens `sealed` into `target` (which may begin at the same memory). Gives the stream's length, or undefined for a wrong tag: then `target` holds nothing of use. */
export function openStream(sealed: Uint8Array, target: Uint8Array, keys: ChunkKeys): number | undefined {
  const length = sealed.length - tagLength;
  if (length < 0) return undefined;
  if (target.length < length) throw new RangeError(`${length} bytes opened do not fit ${target.length}`);
  const tag = new Uint8Array(tagLength);
  xorPad(sealed.subarray(length), tag, keys.pad, length % padLength);
  const decipher = createDecipheriv(algorithm, keys.key, keys.nonce, { authTagLength: tagLength });
  decipher.setAuthTag(tag);
  for (let start = 0; start < length; start += pieceLength) {
    const piece = scratch.subarray(0, Math.min(pieceLength, length - start));
    xorPad(sealed.subarray(start, start + piece.length), piece, keys.pad);
    const plain = decipher.update(piece);
    target.set(plain, start);
    giveBack(plain);
  }
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return length;
}
