// Which copies of chunks would be left without one node: asks those around who has them, and counts only copies that stay.
import type { Directory, NodeView } from "../../network/directory.ts";
import type { Peers } from "../../network/peers.ts";
import type { Address } from "../../protocol/address.ts";
import type { CopiesPolicy } from "../../protocol/genesis.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { surveyTakers } from "../replication/chunk-look.ts";
import type { KeepView } from "../replication/keep-view.ts";
import { type Sighting, survey } from "../replication/survey.ts";

/** What the lasting view has to say here. */
export type StopView = Pick<KeepView, "around" | "answering" | "isHere" | "keeperAt">;

export type CopiesWithoutParts = {
  readonly peers: Pick<Peers, "request" | "self">;
  readonly policy: CopiesPolicy;
  readonly view: StopView;
  readonly store: Pick<ChunkStore, "info">;
  readonly questionTimeoutMs: number;
};

/** The nodes that hold each chunk and will go on doing so, `leaver` left out. Rejects only with the signal's reason. */
export async function copiesWithout(
  { peers, policy, view, store, questionTimeoutMs }: CopiesWithoutParts,
  addresses: readonly Address[],
  leaver: PeerId,
  signal: AbortSignal,
): Promise<ReadonlyMap<Address, readonly PeerId[]>> {
  const holders = new Map<Address, Set<PeerId>>(addresses.map((address) => [address, new Set()]));
  const count = (seen: ReadonlyMap<Address, Sighting>): void => {
    signal.throwIfAborted();
    for (const [address, sighting] of seen) for (const peer of sighting.holders) if (peer !== leaver) holders.get(address)?.add(peer);
  };
  const ask = async (
    asked: readonly Address[],
    whom: (near: readonly PeerId[]) => readonly PeerId[],
  ): Promise<ReadonlyMap<Address, Sighting>> => {
    const others = (address: Address): readonly PeerId[] => whom(view.answering(address).filter((peer) => peer !== leaver));
    const seen = await survey({ peers, timeoutMs: questionTimeoutMs }, asked, others, signal);
    count(seen);
    return seen;
  };
  if (leaver !== peers.self) for (const address of addresses) if (store.info(address) !== undefined) holders.get(address)?.add(peers.self);
  const first = await ask(addresses, (near) => near.slice(0, policy.max));
  // Copies further out are asked for only where the near ones are too few.
  const short = addresses.filter((address) => staying(holders.get(address), view).length < policy.target);
  const second = await ask(short, (near) => near.slice(policy.max));
  // Those beyond the circle count for repair, which makes no others for them.
  count(await surveyTakers({ peers, view, questionTimeoutMs }, short, [first, second], signal));
  return new Map([...holders].map(([address, peers]) => [address, staying(peers, view)]));
}

function staying(peers: ReadonlySet<PeerId> | undefined, view: StopView): readonly PeerId[] {
  return [...(peers ?? [])].filter((peer) => view.keeperAt(peer) !== undefined);
}

/** The nodes that stay without `leaver`: those not gone, not lost to all appearance, and not leaving themselves. */
export function countStayers(directory: Pick<Directory, "nodes">, view: StopView, leaver: PeerId): number {
  return directory
    .nodes()
    .filter((node) => node.record.peerId !== leaver && !isLost(node) && view.keeperAt(node.record.peerId) !== undefined).length;
}

/** Whether a node is gone, or silent beyond one watcher's suspicion. */
export function isLost({ state, confirmed }: NodeView): boolean {
  return state === "gone" || confirmed;
}
