// What a node was asked to show and put off: `later`, busy, or no answer, though it is there. A sound node does so for minutes, while
// others make it read; who does it for ever shows nothing, and what it claims may be nowhere.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/** What can be put off: one chunk's proof, or a comparison. */
export type Asked = Address | "comparison";

export type PutOffLimits = {
  /** The same thing must have been put off this often, one after another, and for this long, milliseconds. */
  readonly putOffsMin: number;
  readonly patienceMs: number;
};

export type PutOffs = {
  /** It was put off once more; whether that is beyond all patience. */
  putOff(peer: PeerId, what: Asked): boolean;
  /** It was shown, or need not be shown any more. */
  settle(peer: PeerId, what: Asked): void;
  /** Chunks that the node still has to show, those asked for first before the others. */
  open(peer: PeerId): readonly Address[];
};

type Wait = { times: number; readonly sinceMs: number };

// Things remembered of one peer, and peers; beyond that nothing new is remembered, and the peer heard longest ago is forgotten.
const waitsMax = 64;
const peersMax = 1024;

/** Nothing was put off yet. `nowMs`: monotonic. */
export function createPutOffs(nowMs: () => number, { putOffsMin, patienceMs }: PutOffLimits): PutOffs {
  const peers = new Map<PeerId, Map<Asked, Wait>>();
  const waitsOf = (peer: PeerId): Map<Asked, Wait> => {
    const waits = peers.get(peer) ?? new Map<Asked, Wait>();
    peers.delete(peer);
    peers.set(peer, waits);
    const [oldest] = peers.keys();
    if (peers.size > peersMax && oldest !== undefined) peers.delete(oldest);
    return waits;
  };
  return {
    putOff: (peer, what) => {
      const waits = waitsOf(peer);
      const wait = waits.get(what) ?? { times: 0, sinceMs: nowMs() };
      wait.times += 1;
      if (waits.has(what) || waits.size < waitsMax) waits.set(what, wait);
      return wait.times >= putOffsMin && nowMs() - wait.sinceMs >= patienceMs;
    },
    settle: (peer, what) => {
      const waits = peers.get(peer);
      waits?.delete(what);
      if (waits?.size === 0) peers.delete(peer);
    },
    open: (peer) => [...(peers.get(peer)?.keys() ?? [])].filter((what): what is Address => what !== "comparison"),
  };
}
