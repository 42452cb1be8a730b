// Bytes on a lane: for each chunk a head {transfer u32, length u32}, big-endian, and the chunk's bytes. A transfer's chunks
// follow each other. A length of `revokedLength` has no bytes: the rest of that transfer will not come.
// A head of transfer 0 announces a note instead: a frame of a request, answer or failure (frame.ts), whose own length is
// the head's. Towards the receiver of bulk a note's transfer follows it on the same lane; the other way only notes travel.
import { chunksPerMessageMax, inlineChunksMax, messageBodyMax } from "../../protocol/limits.ts";

export const chunkHeadBytes = 8;
export const revokedLength = 0xffff_ffff;
/** Stands where a chunk's head has its transfer: a note follows. */
export const noteTransfer = 0;
/** Largest note after its length, bytes: any message whose chunks are none or small. */
export const noteBytesMax: number = 16 + 4 * chunksPerMessageMax + messageBodyMax + inlineChunksMax;

/** The head of a chunk of `length` bytes, at `offset` of `into`. */
export function writeChunkHead(into: Buffer, offset: number, { transfer, length }: { transfer: number; length: number }): void {
  into.writeUInt32BE(transfer, offset);
  into.writeUInt32BE(length, offset + 4);
}
