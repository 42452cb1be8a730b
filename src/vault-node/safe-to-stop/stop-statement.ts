// Makes a node's own statement of what would be missing without it: looks through all it holds and asks those around.
import type { Directory } from "../../network/directory.ts";
import type { Address } from "../../protocol/address.ts";
import type { Genesis } from "../../protocol/genesis.ts";
import type { SigningKey } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { copiesNeeded, createInventoryRoot, type StopPurpose, signStopStatement } from "../../protocol/safe-to-stop.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { ChunkStore } from "../chunk-store/chunk-store.ts";
import { type CopiesWithoutParts, copiesWithout, countStayers } from "./copies-without.ts";
import { membershipDigest } from "./membership-digest.ts";

export type StopStatementParts = Omit<CopiesWithoutParts, "policy" | "store"> & {
  readonly genesis: Genesis;
  readonly key: SigningKey;
  readonly startCounter: number;
  readonly directory: Pick<Directory, "nodes" | "node">;
  readonly store: Pick<ChunkStore, "addresses" | "info">;
  readonly clock: Clock;
  /** Chunks asked about together. */
  readonly chunksPerSurvey: number;
  /** Bytes a second at which a node makes copies. */
  readonly bytesPerSecond: number;
};

/** The signed statement of now. Rejects only with the signal's reason. */
export async function makeStopStatement(parts: StopStatementParts, purpose: StopPurpose, signal: AbortSignal): Promise<Uint8Array> {
  const { genesis, peers, directory, store, view, clock } = parts;
  const stayers = countStayers(directory, view, peers.self);
  const needed = copiesNeeded(purpose, genesis.copies, stayers);
  const root = createInventoryRoot();
  const around = new Set<PeerId>();
  let [count, short, bytesLeft] = [0, 0, 0];
  const addresses = [...store.addresses()].sort();
  for (let from = 0; from < addresses.length; from += parts.chunksPerSurvey) {
    const asked = addresses.slice(from, from + parts.chunksPerSurvey);
    noteAround(parts, asked, around);
    for (const [address, holders] of await copiesWithout({ ...parts, policy: genesis.copies }, asked, peers.self, signal)) {
      root.add(address);
      count += 1;
      if (holders.length >= needed) continue;
      short += 1;
      bytesLeft += (needed - holders.length) * (store.info(address)?.size ?? 0);
    }
  }
  return signStopStatement(genesis.networkId, parts.key, {
    startCounter: parts.startCounter,
    purpose,
    membership: digestAround(parts, around, peers.self),
    inventory: root.end(),
    count,
    stayers,
    short,
    bytesLeft,
    estimateSeconds: Math.ceil(bytesLeft / parts.bytesPerSecond),
    statedAtMs: clock.wallMs(),
  });
}

/** Adds the nodes around these chunks. */
export function noteAround({ view }: Pick<StopStatementParts, "view">, addresses: readonly Address[], around: Set<PeerId>): void {
  for (const address of addresses) for (const peer of view.around(address)) around.add(peer);
}

/** The digest of the nodes around a node's chunks, without the node itself. */
export function digestAround(
  { directory }: Pick<StopStatementParts, "directory">,
  around: ReadonlySet<PeerId>,
  leaver: PeerId,
): Uint8Array {
  const views = [...around].filter((peer) => peer !== leaver).map((peer) => directory.node(peer));
  return membershipDigest(views.filter((view) => view !== undefined));
}
