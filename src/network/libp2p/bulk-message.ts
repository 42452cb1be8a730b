// Chunks of a message on either path: inside the frame, or on a lane.
import { chunkAddress } from "../../protocol/address.ts";
import { chunkSizeMax, chunksPerMessageMax, inlineChunksMax, messageBodyMax, messageChunkBytesMax } from "../../protocol/limits.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { Delivery, Message } from "../peers.ts";
import type { Bulk, ReceivedChunks } from "./bulk.ts";
import type { Frame } from "./frame.ts";
import type { TrafficListener } from "./traffic.ts";

/** Bytes of all chunks of a message. */
export function chunkBytes(message: Message): number {
  return message.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** What about a message is over the protocol's limits, or undefined where nothing is. */
export function sizeExcess({ body, chunks }: Message): string | undefined {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (body.length > messageBodyMax) return `a body of ${body.length} bytes, at most ${messageBodyMax}`;
  if (bytes > messageChunkBytesMax) return `chunks of ${bytes} bytes, at most ${messageChunkBytesMax}`;
  if (chunks.length > chunksPerMessageMax) return `${chunks.length} chunks, at most ${chunksPerMessageMax}`;
  return chunks.some((chunk) => chunk.length > chunkSizeMax) ? `a chunk over ${chunkSizeMax} bytes` : undefined;
}

/** Whether a message's chunks are too large for the control stream. */
export function goesByLane(message: Message): boolean {
  return chunkBytes(message) > inlineChunksMax;
}

/** `path`: the way on which frames come. */
export type FrameSource = {
  readonly path: "control" | "lane";
  readonly bulk: Bulk;
  readonly peer: PeerId;
  readonly onTraffic: TrafficListener;
};

/**
 * The message of a frame, its chunks from the frame itself, as they came behind it (`received`), or from the lane. Rejects with a
 * LaneError or the signal's reason.
 */
export async function receivedMessage(
  frame: Frame,
  received: ReceivedChunks | undefined,
  source: FrameSource,
  signal: AbortSignal,
): Promise<Delivery> {
  const { body, chunks, transfer, lengths } = frame;
  const here = transfer === 0 || received !== undefined ? lengths.reduce((sum, length) => sum + length, 0) : 0;
  source.onTraffic({ kind: "bytes", path: source.path, direction: "in", bytes: body.length + here });
  if (received !== undefined) return { body, ...received };
  if (transfer !== 0) return { body, ...(await source.bulk.receive({ peer: source.peer, transfer, lengths }, signal)) };
  return { body, chunks, hashes: chunks.map((chunk) => chunkAddress(chunk)), release: () => {} };
}
