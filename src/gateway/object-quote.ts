// What storing an object would take, before any byte of it is sent: chunks, copies and bytes on disks.
import { inlineSizeLimit } from "../client/self-encryption/root-map.ts";
import type { CopiesPolicy } from "../protocol/genesis.ts";

export type ObjectQuote = {
  readonly bytes: number;
  readonly chunks: number;
  readonly copies: CopiesPolicy;
  /** Bytes on all disks in the intended number of copies; compressible content needs less. */
  readonly storedBytes: number;
};

// docs/format.md: the largest piece of content, a map's parts.
const pieceMax = 4_190_208;
const mapHead = 10;
const mapEntry = 80;

/** The quote for an object of `bytes`; chunks are exact for content that does not compress. */
export function quoteObject(bytes: number, copies: CopiesPolicy): ObjectQuote {
  let chunks = 1;
  let level = bytes < inlineSizeLimit ? 0 : pieces(bytes);
  chunks += level;
  while (level > 3) {
    level = pieces(mapHead + level * mapEntry);
    chunks += level;
  }
  return { bytes, chunks, copies, storedBytes: bytes * copies.target };
}

function pieces(bytes: number): number {
  return bytes < 3 * pieceMax ? 3 : Math.ceil(bytes / pieceMax);
}
