// get-chunks: the bytes of chunks held here, as many as fit one answer. A damaged chunk is counted and never served.
import type { Answer, Handler } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { messageChunkBytesMax } from "../../protocol/limits.ts";
import { type ChunkElsewhere, getChunksReply, getChunksRequest, type MissingReason } from "../../protocol/messages/get-chunks.ts";
import type { ReadOutcome } from "../chunk-store/chunk-store.ts";
import { HandlerError } from "../errors.ts";
import { type HandlerParts, readRequest } from "./parts.ts";

type Missing = { readonly chunk: Address; readonly reason: MissingReason };
type Found = { readonly chunk: Address; readonly read: Extract<ReadOutcome, { kind: "found" }> };

/** The handler of get-chunks. Throws a `HandlerError` for a malformed request, or `busy` where the peer has too much in hand. */
export function createGetChunks(parts: HandlerParts): Handler {
  return async (from, message): Promise<Answer> => {
    const { chunks } = readRequest(getChunksRequest, message, from);
    message.release();
    const chosen = chooseFitting(parts, new Set(chunks));
    const share = parts.shares.take(from, chosen.bytes);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share", from);
    try {
      const { found, missing } = await readAll(parts, chosen.fitting);
      return answer(parts, found, [...chosen.missing, ...missing], () => share.release());
    } catch (error) {
      share.release();
      throw error;
    }
  };
}

function chooseFitting({ store }: HandlerParts, chunks: ReadonlySet<Address>): { fitting: Address[]; missing: Missing[]; bytes: number } {
  const fitting: Address[] = [];
  const missing: Missing[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    const size = store.info(chunk)?.size;
    if (size === undefined) missing.push({ chunk, reason: "not-held" });
    else if (bytes + size > messageChunkBytesMax) missing.push({ chunk, reason: "too-much" });
    else {
      bytes += size;
      fitting.push(chunk);
    }
  }
  return { fitting, missing, bytes };
}

async function readAll({ store, events }: HandlerParts, chunks: readonly Address[]): Promise<{ found: Found[]; missing: Missing[] }> {
  const found: Found[] = [];
  const missing: Missing[] = [];
  // All are awaited even when one fails, so that every buffer is handed back.
  const reads = await Promise.allSettled(chunks.map((chunk) => store.get(chunk)));
  reads.forEach((settled, index) => {
    const chunk = chunks[index];
    if (chunk === undefined || settled.status === "rejected") return;
    const read = settled.value;
    if (read.kind === "found") found.push({ chunk, read });
    else missing.push({ chunk, reason: read.kind === "damaged" ? "damaged" : "not-held" });
    if (read.kind === "damaged") events.chunkDamaged(read.vault, chunk);
  });
  const failed = reads.find((settled) => settled.status === "rejected");
  if (failed === undefined) return { found, missing };
  for (const { read } of found) read.release();
  throw new Error("the store could not be read", { cause: failed.reason });
}

function answer({ events, takerOf }: HandlerParts, found: readonly Found[], missing: readonly Missing[], done: () => void): Answer {
  const bytes = found.reduce((sum, { read }) => sum + read.bytes.length, 0);
  if (found.length > 0) events.chunksServed(found.length, bytes);
  for (const [reason, list] of Map.groupBy(missing, (one) => one.reason)) events.chunksMissed(reason, list.length);
  const elsewhere = elsewhereOf(takerOf, missing);
  if (elsewhere.length > 0) events.chunksPointed(elsewhere.length);
  // Said only where there is something to say: most answers hold no pointer.
  const said = { found: found.map(({ chunk }) => chunk), missing, ...(elsewhere.length === 0 ? {} : { elsewhere }) };
  return {
    body: encodeMessage(getChunksReply, said),
    chunks: found.map(({ read }) => read.bytes),
    release: () => {
      for (const { read } of found) read.release();
      done();
    },
  };
}

function elsewhereOf(takerOf: HandlerParts["takerOf"], missing: readonly Missing[]): readonly ChunkElsewhere[] {
  return missing.flatMap(({ chunk, reason }) => {
    const peer = reason === "not-held" ? takerOf(chunk) : undefined;
    return peer === undefined ? [] : [{ chunk, peer }];
  });
}
