// The network as events: every subscriber gets a snapshot, then what changed. Differences are computed once for all, and
// changes that come together travel together.
import type { FarmClient, NetworkView, NodeSummary } from "../client/farm-client.ts";
import type { Clock, Timer } from "../runtime/clock.ts";
import { coalesceMs } from "./limits.ts";

/** `snapshot` comes first; `node` when a node appears or changes; `node-removed` when it is no longer known; `copies` and `membership` when those change. */
export type NetworkEvent =
  | { readonly event: "snapshot"; readonly data: NetworkView }
  | { readonly event: "node"; readonly data: NodeSummary }
  | { readonly event: "node-removed"; readonly data: { readonly peerId: string } }
  | { readonly event: "copies"; readonly data: NetworkView["copies"] }
  | { readonly event: "membership"; readonly data: NetworkView["membership"] };

export type NetworkFeed = {
  /** Calls `listener` with a snapshot now and with each change from then on, until the returned function is called. */
  subscribe(listener: (event: NetworkEvent) => void): () => void;
  stop(): void;
};

/** What the events are when `before` became `after`. */
export function networkChanges(before: NetworkView, after: NetworkView): readonly NetworkEvent[] {
  const known = new Map(before.nodes.map((node) => [node.peerId, JSON.stringify(node)]));
  const events: NetworkEvent[] = [];
  for (const node of after.nodes) {
    if (known.get(node.peerId) !== JSON.stringify(node)) events.push({ event: "node", data: node });
    known.delete(node.peerId);
  }
  for (const peerId of known.keys()) events.push({ event: "node-removed", data: { peerId } });
  if (JSON.stringify(before.copies) !== JSON.stringify(after.copies)) events.push({ event: "copies", data: after.copies });
  if (JSON.stringify(before.membership) !== JSON.stringify(after.membership)) events.push({ event: "membership", data: after.membership });
  return events;
}

/** A feed over a client. Watches the client only while somebody watches the feed. */
export function createNetworkFeed(client: Pick<FarmClient, "network" | "onNetworkChange">, clock: Clock): NetworkFeed {
  const listeners = new Set<(event: NetworkEvent) => void>();
  let known: NetworkView | undefined;
  let unwatch: (() => void) | undefined;
  let pending: Timer | undefined;
  const publish = (): void => {
    pending = undefined;
    const before = known ?? client.network();
    const after = client.network();
    known = after;
    for (const event of networkChanges(before, after)) for (const listener of [...listeners]) listener(event);
  };
  const changed = (): void => {
    pending ??= clock.after(coalesceMs, publish);
  };
  const rest = (): void => {
    unwatch?.();
    pending?.cancel();
    unwatch = pending = known = undefined;
  };
  return {
    subscribe: (listener) => {
      // In this order: reading the network may be what brings a change, of which nobody would hear.
      unwatch ??= client.onNetworkChange(changed);
      known ??= client.network();
      listeners.add(listener);
      listener({ event: "snapshot", data: known });
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) rest();
      };
    },
    stop: () => {
      listeners.clear();
      rest();
    },
  };
}
