// Tells other holders of a chunk that a node sent wrong bytes for it, so that they challenge that node now and not when its turn
// comes. A hint: it is sent once, to few, not too often, and nothing waits for it.

import type { Address } from "../protocol/address.ts";
import { encodeMessage } from "../protocol/encoding.ts";
import { wrongBytesRequest } from "../protocol/messages/wrong-bytes.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CustomerParts } from "./customer-parts.ts";

// So many listeners: one that is itself at fault, or without the chunk, does not keep it quiet.
const hearersMax = 3;
// A node that serves rot for every chunk is told of once in a while; a challenge a minute is all that hearers make of it.
const tellEveryMs = 10_000;

export type HintParts = Pick<CustomerParts, "peers" | "membership" | "genesis" | "grant" | "clock" | "limits" | "metrics">;

/** Tells up to three other holders; nobody without a grant, since nobody would listen. Never rejects. */
export function createWrongBytesHint(parts: HintParts): (peer: PeerId, chunk: Address) => void {
  const { peers, membership, genesis, grant, clock, limits, metrics } = parts;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return (peer, chunk) => {
    const nowMs = clock.monotonicMs();
    if (grant === null || nowMs - toldAtMs < tellEveryMs) return;
    toldAtMs = nowMs;
    const { holders } = membership.directory.closest(chunk, genesis.copies.target, "read");
    const body = encodeMessage(wrongBytesRequest, { grant, peer, chunk });
    for (const hearer of holders.filter((holder) => holder.peer !== peer).slice(0, hearersMax)) {
      metrics.sent("wrong-bytes", 0);
      // An older node refuses the kind; the node itself is found at its turn all the same.
      peers
        .request(hearer.peer, "wrong-bytes", { body, chunks: [] }, { timeoutMs: limits.getTimeoutMs })
        .then((answer) => answer.release())
        .catch(() => {});
    }
  };
}
