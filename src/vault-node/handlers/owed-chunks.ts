// owed-chunks: what this node still has to send to the asker. Costs no more than counting what waits.
import type { Answer, Handler } from "../../network/peers.ts";
import { encodeMessage } from "../../protocol/encoding.ts";
import { type OwedChunksReply, owedChunksReply, owedChunksRequest } from "../../protocol/messages/owed-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { HandlerError } from "../errors.ts";
import { type HandlerParts, readRequest } from "./parts.ts";

/** The handler of owed-chunks. Throws a `HandlerError` for a malformed request, or `busy` where the peer has too much in hand. */
export function createOwedChunks(
  parts: Pick<HandlerParts, "shares">,
  owed: (peer: PeerId, startCounter: number) => OwedChunksReply,
): Handler {
  return async (from, message): Promise<Answer> => {
    const { startCounter } = readRequest(owedChunksRequest, message, from);
    message.release();
    const share = parts.shares.take(from, 0);
    if (share === undefined) throw new HandlerError("busy", "over this peer's share", from);
    share.release();
    return { body: encodeMessage(owedChunksReply, owed(from, startCounter)), chunks: [] };
  };
}
