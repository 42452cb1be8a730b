// Frames on a kept control stream: requests, answers and failures, told apart by id. Format, big-endian:
// length u32 (of what follows) · id u32 · type u8 (high bit: answer inline) · code u8 · chunk count u16 · transfer u32 · body length u32 · chunk lengths u32 each ·
// body · chunk bytes. With a transfer other than 0 the chunk bytes are not here: they travel on a lane under that number.
import { chunkSizeMax, chunksPerMessageMax, messageBodyMax, messageChunkBytesMax } from "../../protocol/limits.ts";
import type { Message } from "../peers.ts";

export const frameTypes = ["hello", "request", "answer", "failure"] as const;
export type FrameType = (typeof frameTypes)[number];

/**
 * `code`: the request kind or failure code by its place in its list. `lengths`: of the chunks, here or on the lane.
 * `inline`: the asker can have no lane, so the answer's chunks must come inside its frame.
 */
export type Frame = Message & {
  readonly id: number;
  readonly type: FrameType;
  readonly inline: boolean;
  readonly code: number;
  readonly transfer: number;
  readonly lengths: readonly number[];
};

/** A frame to be sent. */
export type FrameDraft = Omit<Frame, "lengths" | "inline"> & { readonly inline?: boolean };

const lengthBytes = 4;
const inlineBit = 0x80;
const fixedBytes = 16;

/** Largest frame after its length, bytes. */
export const frameSizeMax: number = fixedBytes + 4 * chunksPerMessageMax + messageBodyMax + messageChunkBytesMax;

/** A frame that breaks the format or a limit; the stream it came on is closed. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** The head of a frame and the byte strings behind it, to be sent in order. */
export function encodeFrame(frame: FrameDraft): readonly Uint8Array[] {
  const here = frame.transfer === 0 ? frame.chunks : [];
  const lengths = frame.chunks.map((chunk) => chunk.length);
  const size = fixedBytes + 4 * lengths.length + frame.body.length + here.reduce((sum, chunk) => sum + chunk.length, 0);
  const head = Buffer.alloc(lengthBytes + fixedBytes + 4 * lengths.length);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(frame.id, 4);
  head.writeUInt8(frameTypes.indexOf(frame.type) | (frame.inline ? inlineBit : 0), 8);
  head.writeUInt8(frame.code, 9);
  head.writeUInt16BE(lengths.length, 10);
  head.writeUInt32BE(frame.transfer, 12);
  head.writeUInt32BE(frame.body.length, 16);
  lengths.forEach((length, i) => {
    head.writeUInt32BE(length, lengthBytes + fixedBytes + 4 * i);
  });
  return [head, frame.body, ...here];
}

/** The frame in `bytes` (without its length). Throws a FrameError. */
export function parseFrame(bytes: Buffer): Frame {
  if (bytes.length < fixedBytes) throw new FrameError("a frame shorter than its parts");
  const typeByte = bytes.readUInt8(4);
  const type = frameTypes[typeByte & ~inlineBit];
  const inline = (typeByte & inlineBit) !== 0;
  const count = bytes.readUInt16BE(6);
  const transfer = bytes.readUInt32BE(8);
  const bodyLength = bytes.readUInt32BE(12);
  if (type === undefined) throw new FrameError("unknown frame type");
  if (count > chunksPerMessageMax || bodyLength > messageBodyMax) throw new FrameError("too many chunks or too large a body");
  const bodyStart = fixedBytes + 4 * count;
  if (bytes.length < bodyStart + bodyLength) throw new FrameError("a frame shorter than its parts");
  const lengths = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(fixedBytes + 4 * i));
  checkLengths(lengths);
  const chunks: Uint8Array[] = [];
  let offset = bodyStart + bodyLength;
  for (const length of transfer === 0 ? lengths : []) {
    chunks.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== bytes.length) throw new FrameError("a frame of another length than its parts");
  return {
    id: bytes.readUInt32BE(0),
    type,
    inline,
    code: bytes.readUInt8(5),
    transfer,
    lengths,
    body: bytes.subarray(bodyStart, bodyStart + bodyLength),
    chunks,
  };
}

function checkLengths(lengths: readonly number[]): void {
  if (lengths.some((length) => length > chunkSizeMax)) throw new FrameError("a chunk over its limit");
  if (lengths.reduce((sum, length) => sum + length, 0) > messageChunkBytesMax) throw new FrameError("chunks over the limit of a message");
}

/** Puts frames together from the pieces in which they arrive. */
export type FrameDecoder = {
  /** The frames that this piece completes. Throws a FrameError; then the decoder is of no further use. */
  push(piece: Uint8Array): readonly Frame[];
  /** Bytes held of a frame that is not complete. */
  pending(): number;
};

/** A decoder at the start of a stream. A frame's buffer is made once its length is known, and grows with what has really arrived. */
export function createFrameDecoder(): FrameDecoder {
  const head = Buffer.alloc(lengthBytes);
  let headFilled = 0;
  let frame: Buffer = Buffer.alloc(0);
  let wanted = 0;
  let filled = 0;
  const takeHead = (piece: Uint8Array): number => {
    const taken = Math.min(lengthBytes - headFilled, piece.length);
    head.set(piece.subarray(0, taken), headFilled);
    headFilled += taken;
    if (headFilled < lengthBytes) return taken;
    wanted = head.readUInt32BE(0);
    if (wanted < fixedBytes || wanted > frameSizeMax) throw new FrameError("a frame length outside the limits");
    frame = Buffer.allocUnsafeSlow(Math.min(wanted, firstBufferBytes));
    filled = 0;
    return taken;
  };
  const takeBody = (piece: Uint8Array): number => {
    const taken = Math.min(wanted - filled, piece.length);
    if (filled + taken > frame.length) frame = grown(frame, filled, Math.min(wanted, Math.max(2 * frame.length, filled + taken)));
    frame.set(piece.subarray(0, taken), filled);
    filled += taken;
    return taken;
  };
  const push = (piece: Uint8Array): readonly Frame[] => {
    const frames: Frame[] = [];
    for (let rest = piece; rest.length > 0; ) {
      rest = rest.subarray(headFilled < lengthBytes ? takeHead(rest) : takeBody(rest));
      if (headFilled === lengthBytes && filled === wanted) {
        frames.push(parseFrame(frame));
        headFilled = 0;
      }
    }
    return frames;
  };
  return { push, pending: () => filled };
}

// A stranger who announces a large frame and sends nothing gets no more memory than this.
const firstBufferBytes = 64 * 1024;

function grown(buffer: Buffer, filled: number, size: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(size);
  buffer.copy(larger, 0, 0, filled);
  return larger;
}
