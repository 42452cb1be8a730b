// Every limit of the protocol with its unit and reason, in one place; relations between them are asserted below.
import { strict as assert } from "node:assert";

const kib = 1024;
const mib = 1024 * kib;

/** Largest chunk, bytes: the design's 4 MiB, which a sealed self-encryption chunk (4,190,208 + growth) always fits. */
export const chunkSizeMax: number = 4 * mib;

/** Largest body of a control message, bytes; chunks travel beside it. */
export const messageBodyMax: number = 256 * kib;

/** Items (numbers, texts, byte strings, lists, maps and their keys) of one encoded value: twice those of the largest message, a has reply; a body of single bytes would have eight times as many. */
export const messageItemsMax = 32_768;

/** Chunk bytes of one message up to which they go over the kept control stream; above, over a lane (transport figures: lanes in a worker cost a small request twice). */
export const inlineChunksMax: number = 64 * kib;

/** Chunks in one message. */
export const chunksPerMessageMax = 256;

/** Chunk bytes in one message, so that a receiver can bound its memory by bytes in flight. */
export const messageChunkBytesMax: number = 8 * mib;

/** Addresses in one has request. */
export const addressesPerRequestMax = 2048;

/** Largest signed receipt or refusal, bytes: `addressesPerRequestMax` addresses of 34 bytes and what surrounds them. */
export const receiptSizeMax: number = 72 * kib;

/** Vaults in one node: its record must fit one message. */
export const vaultsPerNodeMax = 256;

/** Places of a vault in the XOR space, fewest and most (design: 16 already gives 1.35 × the mean load, 64 gives 1.25 ×). */
export const placesMin = 16;
export const placesMax = 256;

/** Largest signed node record, bytes: 256 vaults at about 330 bytes. */
export const nodeRecordMax: number = 96 * kib;

/** Addresses (IP and port) in a node record. */
export const nodeAddressCountMax = 8;

/** How far in the future a signed time may lie, milliseconds (clocks of peers differ). */
export const clockToleranceMs = 120_000;

/** Longest announced absence of a node that says `away`, milliseconds. */
export const awayMax = 600_000;

/** Nodes a directory keeps: above, look-ups go through Kademlia. */
export const directoryNodesMax = 10_000;

/** Node records, or heads of them, in one message. */
export const recordsPerMessageMax = 1024;

/** Bytes of node records in one message: two of the largest, with room for what surrounds them. */
export const recordBytesPerMessageMax: number = 192 * kib;

/** Buckets of a record summary: with the largest directory about ten records each. */
export const recordBucketsMax = 1024;

/** Ranges of addresses in one comparison of chunks: with 51 bytes each at most 26 KB. */
export const compareRangesMax = 512;

/** Parts into which a range that differs is cut: three rounds find a difference among 16^5 chunks. */
export const comparePartsMax = 16;

/** Bytes of all address lists in one answer to a comparison: 4,096 addresses. */
export const compareListsBytesMax: number = 128 * kib;

/** Chunks in one audit: a few seconds of disk reads at most. */
export const auditChunksMax = 64;

/** Addresses in one page of a node's inventory: 128 KiB. */
export const inventoryPageItems = 4096;

/** Nodes around one node's chunks that it names to a second source; in larger networks its chunks are listed. */
export const leaverAroundMax = 2048;

/** Nodes confirmed by certificate where one owner runs all nodes: half of them sign each certificate. */
export const confirmedNodesMax = 1024;

/** Nodes that one certificate of the nodes may let in and out together; a first certificate, signed by the owner, may name all. */
export const certificateNamesMax = 64;

/** Largest certificate, bytes: 64 names and 513 signatures of 130 bytes each, or 1,024 names. */
export const certificateSizeMax: number = 80 * kib;

/** Membership certificates after each other: one an hour for almost two years. */
export const certificateChainMax = 16_384;

assert(
  (confirmedNodesMax / 2 + 1) * 130 + certificateNamesMax * 56 + 512 <= certificateSizeMax &&
    confirmedNodesMax * 56 + 512 <= certificateSizeMax,
  "a certificate must hold its names and signatures",
);
assert(certificateSizeMax <= nodeRecordMax, "certificates are kept in files of the same form as records");
assert(
  addressesPerRequestMax * 7 * 2 < messageItemsMax && messageItemsMax < messageBodyMax,
  "a largest message must be read, with room for more",
);
assert(inlineChunksMax <= messageChunkBytesMax && chunkSizeMax <= messageChunkBytesMax, "a largest chunk must fit one message");
assert(
  addressesPerRequestMax * 34 + 512 <= receiptSizeMax && receiptSizeMax < messageBodyMax,
  "a receipt over a whole request must fit its limits",
);
assert(vaultsPerNodeMax * 330 <= nodeRecordMax, "a record must hold all vaults of a node");
assert(
  nodeRecordMax <= recordBytesPerMessageMax && recordBytesPerMessageMax + recordsPerMessageMax * (5 + 54) + 1024 < messageBodyMax,
  "a largest record must fit an exchange, an exchange with as many PeerIds must fit a message",
);
assert(
  compareRangesMax * 80 < messageBodyMax && compareListsBytesMax + compareRangesMax * 64 < messageBodyMax,
  "a comparison and the lists of its answer must fit a message",
);
assert(inventoryPageItems * 32 + 64 < messageBodyMax, "a page of an inventory must fit a message");
assert(leaverAroundMax * 56 + 128 < messageBodyMax, "the nodes around a node's chunks must fit a message");
assert(recordsPerMessageMax * 160 < messageBodyMax, "the heads of an exchange with as many PeerIds must fit a message");
