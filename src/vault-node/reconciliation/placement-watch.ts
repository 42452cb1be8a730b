// Notices when who holds what may have changed: a vault came, went, or has another size, or a node another failure domain.
// Suspicions, goodbyes for a while and figures change nothing. Its digest tells two nodes whether they see the same places.
import { type Directory, isStranger, type NodeView } from "../../network/directory.ts";
import { textBytes } from "../../protocol/bytes.ts";
import { hash } from "../../protocol/hash.ts";
import { placementDigestLength } from "../../protocol/messages/compare-chunks.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

export type PlacementWatch = {
  /** Of all places known now: the same for everyone who knows the same. */
  digest(): Uint8Array;
  stop(): void;
};

/** Watches the directory; `onMoved` is called after each change of places. */
export function watchPlacement(directory: Pick<Directory, "nodes" | "node" | "onChange">, onMoved: () => void): PlacementWatch {
  const known = new Map<PeerId, Uint8Array>();
  const sum = new Uint8Array(placementDigestLength);
  const take = (peer: PeerId, view: NodeView | undefined): boolean => {
    const now = view === undefined || view.state === "gone" || isStranger(view) ? undefined : placesDigest(view);
    const before = known.get(peer);
    if (now === undefined ? before === undefined : before !== undefined && Buffer.compare(now, before) === 0) return false;
    for (const [index, old] of sum.entries()) sum[index] = old ^ (now?.[index] ?? 0) ^ (before?.[index] ?? 0);
    if (now === undefined) known.delete(peer);
    else known.set(peer, now);
    return true;
  };
  for (const view of directory.nodes()) take(view.record.peerId, view);
  const stop = directory.onChange((peer) => {
    if (take(peer, directory.node(peer))) onMoved();
  });
  return { digest: () => new Uint8Array(sum), stop };
}

function placesDigest({ record }: NodeView): Uint8Array {
  const { peerId, domain, vaults } = record;
  const lines = vaults.map(({ name, capacity }) => `${name} ${capacity}`).sort();
  return hash(textBytes([peerId, domain.zone, domain.host, ...lines].join("\n"))).slice(0, placementDigestLength);
}
