// Bytes on a lane: for each chunk a head {transfer u32, length u32}, big-endian, and the chunk's bytes. A transfer's chunks
// follow each other. A length of `revokedLength` has no bytes: the rest of that transfer will not come.

export const chunkHeadBytes = 8;
export const revokedLength = 0xffff_ffff;

/** The head of a chunk of `length` bytes, at the start of `into`. */
export function writeChunkHead(into: Buffer, transfer: number, length: number): void {
  into.writeUInt32BE(transfer, 0);
  into.writeUInt32BE(length, 4);
}
