// A node that takes nothing: it answers every put with `full`, while its record says that its vault is active and has room. The node
// around it is the real one.
import type { Peers } from "../../src/network/peers.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { putChunksReply, putChunksRequest } from "../../src/protocol/messages/put-chunks.ts";

/** `peers` whose node refuses every copy while `refuses` says so. */
export function refusing(peers: Peers, refuses: () => boolean): Peers {
  return {
    ...peers,
    handle: (kind, handler) =>
      peers.handle(kind, async (from, message, signal) => {
        if (kind !== "put-chunks" || !refuses()) return handler(from, message, signal);
        const asked = decodeMessage(putChunksRequest, message.body);
        if (!asked.ok) return handler(from, message, signal);
        message.release();
        const groups = asked.value.groups.map(({ vault, chunks }) => ({
          ...{ vault, receipt: null, refusals: [] },
          refused: chunks.map((chunk) => ({ chunk, reason: "full" as const })),
        }));
        return { body: encodeMessage(putChunksReply, { groups }), chunks: [] };
      }),
  };
}
