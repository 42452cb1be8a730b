// What the streams of one peer may have in work together. Each gets its part among those that have something in work, and waits
// for its own work only: chunks come by one lane in the order in which they were announced, so streams that waited for each other
// could wait for ever.
import type { PeerId } from "../../protocol/peer-id.ts";
import { type ByteBudget, createByteBudget } from "./byte-budget.ts";

/** `part`: the bytes that this stream may have now. */
export type StreamBudget = { readonly budget: ByteBudget; part(): number; close(): void };

export type StreamBudgets = {
  /** The budget of a fresh stream of a peer, until `close`. */
  open(peer: PeerId): StreamBudget;
};

/** `bytesMax` for all streams of one peer; a stream with more in work when others begin keeps it, and takes no more. */
export function createStreamBudgets(bytesMax: number): StreamBudgets {
  const byPeer = new Map<PeerId, Set<ByteBudget>>();
  const open = (peer: PeerId): StreamBudget => {
    const streams = byPeer.get(peer) ?? new Set<ByteBudget>();
    byPeer.set(peer, streams);
    const others = (): number => [...streams].filter((stream) => stream !== budget && stream.used() > 0).length;
    const part = (): number => bytesMax / (others() + 1);
    const budget = createByteBudget(part);
    streams.add(budget);
    const close = (): void => {
      streams.delete(budget);
      if (streams.size === 0 && byPeer.get(peer) === streams) byPeer.delete(peer);
    };
    return { budget, part, close };
  };
  return { open };
}
