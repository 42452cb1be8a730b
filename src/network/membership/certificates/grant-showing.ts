// A node that no certificate names yet shows its grant to whoever it is connected to: only who has seen it gives the node places.
import type { PeerId } from "../../../protocol/peer-id.ts";
import type { Peers } from "../../peers.ts";

export type GrantShowingParts = {
  readonly peers: Pick<Peers, "connected">;
  /** The grant while this node wants in and has one. */
  readonly grant: () => Uint8Array | null;
  /** Shows it; never rejects. */
  readonly show: (peer: PeerId) => Promise<void>;
  /** Peers that it is shown to at a look, at most. */
  readonly atOnce: number;
};

export type GrantShowing = {
  /** Shows the grant to those connected who have not seen it. */
  look(): void;
  /** A peer has seen it. */
  seenBy(peer: PeerId): void;
};

/** Shown to nobody yet. Remembers as many as are connected. */
export function createGrantShowing({ peers, grant, show, atOnce }: GrantShowingParts): GrantShowing {
  const seen = new Set<PeerId>();
  return {
    look: () => {
      const connected = grant() === null ? [] : peers.connected();
      // Whoever was away may have started anew, and knows nothing of it.
      for (const peer of seen) if (!connected.includes(peer)) seen.delete(peer);
      for (const peer of connected.filter((one) => !seen.has(one)).slice(0, atOnce)) void show(peer);
    },
    seenBy: (peer) => void seen.add(peer),
  };
}
