// For how long this node has seen each other one in the same way, on its own monotonic clock: a certificate wants more
// than a moment.
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { NodeView } from "../../directory.ts";
import type { Presence, Sighted } from "./wanted.ts";

export type Sightings = {
  /** Takes in how the nodes of the directory are seen now; `others` are to be known too, wherever they are. */
  look(nodes: readonly NodeView[], others: Iterable<PeerId>, nowMs: number): void;
  seen(nowMs: number): ReadonlyMap<PeerId, Sighted>;
};

/** Nobody was seen yet. Remembers as many nodes as it is shown. */
export function createSightings(self: PeerId): Sightings {
  let since: ReadonlyMap<PeerId, { readonly presence: Presence; readonly sinceMs: number }> = new Map();
  return {
    look: (nodes, others, nowMs) => {
      const now = new Map<PeerId, Presence>();
      for (const peer of others) now.set(peer, "unknown");
      for (const { record, state, confirmed } of nodes) now.set(record.peerId, presenceOf(state, confirmed));
      now.delete(self);
      since = new Map(
        [...now].map(([peer, presence]) => {
          const before = since.get(peer);
          return [peer, before?.presence === presence ? before : { presence, sinceMs: nowMs }];
        }),
      );
    },
    seen: (nowMs) => new Map([...since].map(([peer, { presence, sinceMs }]) => [peer, { presence, forMs: nowMs - sinceMs }])),
  };
}

function presenceOf(state: NodeView["state"], confirmed: boolean): Presence {
  if (state === "live") return "live";
  if (state === "gone") return "left";
  return state === "suspected" && confirmed ? "lost" : "unclear";
}
