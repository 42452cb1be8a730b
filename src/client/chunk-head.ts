// Which of a chunk's closest nodes have it, without its bytes.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import type { CustomerParts } from "./customer-parts.ts";
import type { HeldQuestion } from "./held-question.ts";
import { readCircles, readCounts } from "./read-decision.ts";

export type HeadParts = CustomerParts & { readonly held: HeldQuestion };

/** The chunk's size and its holders among the closest nodes; the wider circle is asked only where the closest have none. */
export async function countHolders(
  parts: HeadParts,
  address: Address,
  signal: AbortSignal,
): Promise<{ readonly size: number; readonly holders: readonly PeerId[] } | undefined> {
  const { genesis, limits } = parts;
  const close = believedHolders(parts, address, genesis.copies.target);
  const found = await askAll(parts, close, address, signal);
  if (found !== undefined) return found;
  const { before, wide, far } = readCircles(parts.membership.directory, address, readCounts(genesis.copies, limits));
  const others = new Set([...before, ...wide, ...far].map(({ peer }) => peer));
  return askAll(
    parts,
    [...others].filter((peer) => !close.includes(peer) && !parts.distrusts(peer)),
    address,
    signal,
  );
}

/** The nodes closest to a chunk whose word counts. */
export function believedHolders(
  { membership, distrusts }: Pick<CustomerParts, "membership" | "distrusts">,
  address: Address,
  count: number,
): readonly PeerId[] {
  const near = membership.directory.closest(address, count, "read").holders.map(({ peer }) => peer);
  return near.filter((peer) => !distrusts(peer));
}

async function askAll(
  { held }: HeadParts,
  peers: readonly PeerId[],
  address: Address,
  signal: AbortSignal,
): Promise<{ readonly size: number; readonly holders: readonly PeerId[] } | undefined> {
  const answers = await Promise.all(peers.map(async (peer) => ({ peer, answer: await held.ask(peer, address, signal) })));
  const holders = answers.flatMap(({ peer, answer }) => (answer.kind === "held" ? [{ peer, size: answer.size }] : []));
  const [first] = holders;
  return first === undefined ? undefined : { size: first.size, holders: holders.map(({ peer }) => peer) };
}
