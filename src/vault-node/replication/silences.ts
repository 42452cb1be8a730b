// Since when nodes have been silent, as far as it counts for repair: an announced absence, or a suspicion that others
// confirm. Measured on this node's own clock, from when it saw it.
import type { NodeView } from "../../network/directory.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

export type Silences = {
  /** Takes in how a node is seen now. */
  see(peer: PeerId, view: NodeView | undefined): void;
  /** How long a node has been silent; undefined where it is there, or its silence is only one watcher's suspicion. */
  silentMs(peer: PeerId): number | undefined;
  /** How long until the next of the silent nodes, confirmed or not, has been so for `delayMs`; undefined where there is none. */
  nextMs(delayMs: number): number | undefined;
  /** This machine slept: what it believes of others begins anew. */
  forgive(): void;
};

/** Nobody is silent. `nowMs`: monotonic. */
export function createSilences(nowMs: () => number): Silences {
  const since = new Map<PeerId, { startMs: number; counts: boolean }>();
  return {
    see: (peer, view) => {
      const silent = view !== undefined && (view.state === "away" || view.state === "suspected");
      if (!silent) return void since.delete(peer);
      const counts = view.confirmed;
      since.set(peer, { startMs: since.get(peer)?.startMs ?? nowMs(), counts });
    },
    silentMs: (peer) => {
      const silence = since.get(peer);
      return silence?.counts === true ? nowMs() - silence.startMs : undefined;
    },
    nextMs: (delayMs) => {
      const waits = [...since.values()].map(({ startMs }) => startMs + delayMs - nowMs()).filter((waitMs) => waitMs > 0);
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
    forgive: () => {
      for (const silence of since.values()) silence.startMs = nowMs();
    },
  };
}
