// A node that never shows what it claims, and never says a wrong word: asked for proofs it answers `later`, as a sound node does that
// reads for others. The node around it is the real one.
import type { Peers } from "../../src/network/peers.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { auditChunksReply, auditChunksRequest } from "../../src/protocol/messages/audit-chunks.ts";

/** `peers` whose node puts off every proof while `putsOff` says so. */
export function puttingOff(peers: Peers, putsOff: () => boolean): Peers {
  return {
    ...peers,
    handle: (kind, handler) =>
      peers.handle(kind, async (from, message, signal) => {
        if (kind !== "audit-chunks" || !putsOff()) return handler(from, message, signal);
        const asked = decodeMessage(auditChunksRequest, message.body);
        if (!asked.ok) return handler(from, message, signal);
        message.release();
        return { body: encodeMessage(auditChunksReply, { statements: [], missing: [], later: [...asked.value.chunks] }), chunks: [] };
      }),
  };
}
