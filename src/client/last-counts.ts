// What each node said of its chunks when it had last looked at all of them: one that has just started again has counted
// nothing yet, and what it knew before must not vanish from the farm's figures meanwhile.
import type { Directory } from "../network/directory.ts";
import type { CopyFigures } from "../protocol/node-figures.ts";
import type { PeerId } from "../protocol/peer-id.ts";

export type WholeCount = Pick<CopyFigures, "live" | "onLeavers">;
export type LastCounts = {
  /** The last whole count of a node that is not gone, seen since this began; undefined where there was none. */
  of(peer: PeerId): WholeCount | undefined;
  stop(): void;
};

/** Kept up to date until `stop`. At most one for each node of the directory. */
export function createLastCounts(directory: Pick<Directory, "node" | "nodes" | "onChange">): LastCounts {
  const whole = new Map<PeerId, WholeCount>();
  const see = (peer: PeerId): void => {
    const view = directory.node(peer);
    const copies = view?.record.figures?.copies;
    // Who comes back after its chunks were made elsewhere has another count than it had.
    if (view === undefined || view.state === "gone") whole.delete(peer);
    else if (copies?.partial === false) whole.set(peer, { live: copies.live, onLeavers: copies.onLeavers });
  };
  const stop = directory.onChange(see);
  for (const { record } of directory.nodes()) see(record.peerId);
  return { of: (peer) => whole.get(peer), stop };
}
