// Asks nodes for the bytes of chunks: small ones for one node in one message, large ones a message each. What arrives is
// checked against its address before anybody sees it.
import { NetworkError } from "../network/errors.ts";
import type { Delivery } from "../network/peers.ts";
import type { Address } from "../protocol/address.ts";
import { decodeMessage, encodeMessage } from "../protocol/encoding.ts";
import { type GetChunksReply, getChunksReply, getChunksRequest } from "../protocol/messages/get-chunks.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { createNodeQueues, type NodeQueues } from "./node-queues.ts";
import type { PaceClass, PeerPaces } from "./peer-pace.ts";
import type { FetchedChunk } from "./self-encryption/sealed-object.ts";
import { createWrongBytesHint } from "./wrong-bytes-hint.ts";

/** `passing`: the node did not answer in a way that may be better in a moment. `elsewhere`: who took the chunk when it had no room, as it says. */
export type ChunkAnswer =
  | { readonly kind: "found"; readonly chunk: FetchedChunk }
  | { readonly kind: "not-held"; readonly elsewhere?: PeerId }
  | { readonly kind: "damaged" | "wrong" }
  | { readonly kind: "failed"; readonly passing: boolean };

export type Wanted = { readonly address: Address; readonly kind: PaceClass; readonly doubtful: boolean };

export type ChunkQuestion = { ask(peer: PeerId, wanted: Wanted, signal: AbortSignal): Promise<ChunkAnswer> };

const givenUp: ChunkAnswer = { kind: "failed", passing: false };

/** Questions whose times go into `paces`. */
export function createChunkQuestion(parts: CustomerParts, paces: PeerPaces): ChunkQuestion {
  const { limits } = parts;
  const asker: Asker = { parts, paces, tellOthers: createWrongBytesHint(parts) };
  const small: NodeQueues<Wanted, ChunkAnswer> = createNodeQueues({
    messagesPerNode: limits.questionsPerNode,
    fits: (wanted, next) =>
      wanted.length < limits.smallReadsPerMessage &&
      wanted[0]?.doubtful === next.doubtful &&
      !wanted.some(({ address }) => address === next.address),
    send: (peer, wanted, signal) => askNode(asker, peer, wanted, signal),
    givenUp,
  });
  const bulk = async (peer: PeerId, wanted: Wanted, signal: AbortSignal): Promise<ChunkAnswer> => {
    const [answer = givenUp] = await askNode(asker, peer, [wanted], signal);
    return answer;
  };
  return { ask: (peer, wanted, signal) => (wanted.kind === "small" ? small.ask(peer, wanted, signal) : bulk(peer, wanted, signal)) };
}

type Asker = { readonly parts: CustomerParts; readonly paces: PeerPaces; tellOthers(peer: PeerId, chunk: Address): void };

async function askNode(asker: Asker, peer: PeerId, wanted: readonly Wanted[], signal: AbortSignal): Promise<readonly ChunkAnswer[]> {
  const { parts, paces } = asker;
  const { limits, metrics, membership } = parts;
  const timeoutMs = wanted[0]?.doubtful === true ? limits.doubtfulTimeoutMs : limits.getTimeoutMs;
  const done = paces.begin(peer, wanted[0]?.kind ?? "bulk");
  metrics.sent("get-chunks", 0);
  try {
    const body = encodeMessage(getChunksRequest, { chunks: wanted.map(({ address }) => address) });
    const answer = await parts.peers.request(peer, "get-chunks", { body, chunks: [] }, { timeoutMs, signal });
    const reply = decodeMessage(getChunksReply, answer.body);
    if (reply.ok && reply.value.found.length === answer.chunks.length) {
      done(reply.value.found.length > 0);
      return takeAnswers(asker, peer, wanted, { reply: reply.value, answer });
    }
    answer.release();
    done(false);
    paces.mistrust(peer);
    metrics.fault(peer, "bad-reply");
    return wanted.map(() => ({ kind: "wrong" }));
  } catch (error) {
    done(false);
    const code = error instanceof NetworkError ? error.code : "unreachable";
    if (!signal.aborted && code !== "busy") membership.reportFailure(peer);
    const passing = code === "busy" || code === "timeout" || code === "closed";
    return wanted.map(() => ({ kind: "failed", passing }));
  }
}

type Received = { readonly reply: GetChunksReply; readonly answer: Delivery };

/** Gives each wanted chunk its answer; the message's buffers go back once the last chunk out of it was released. */
function takeAnswers(
  { parts, paces, tellOthers }: Asker,
  peer: PeerId,
  wanted: readonly Wanted[],
  { reply, answer }: Received,
): readonly ChunkAnswer[] {
  let left = 1;
  const letGo = (): void => {
    left -= 1;
    if (left === 0) answer.release();
  };
  const missing = new Map(reply.missing.map(({ chunk, reason }) => [chunk, reason]));
  const pointers = new Map(reply.elsewhere?.map(({ chunk, peer: taker }) => [chunk, taker]));
  const answers = wanted.map(({ address }): ChunkAnswer => {
    const index = reply.found.indexOf(address);
    const bytes = index < 0 ? undefined : answer.chunks[index];
    if (bytes === undefined) {
      const reason = missing.get(address) ?? "not-held";
      if (reason === "too-much") return { kind: "failed", passing: true };
      const taker = reason === "not-held" ? pointers.get(address) : undefined;
      return taker === undefined ? { kind: reason } : { kind: "not-held", elsewhere: taker };
    }
    if (answer.hashes[index] !== address) {
      paces.mistrust(peer);
      parts.metrics.fault(peer, "wrong-bytes");
      tellOthers(peer, address);
      parts.log.warn("a node sent other bytes than the chunk asked for", { peer });
      return { kind: "wrong" };
    }
    left += 1;
    parts.metrics.received(bytes.length);
    return { kind: "found", chunk: { bytes, release: once(letGo) } };
  });
  letGo();
  return answers;
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
