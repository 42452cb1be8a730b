// Which of a chunk's closest nodes have it, without its bytes.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";
import { abortError } from "./chunk-read.ts";
import type { CustomerParts } from "./customer-parts.ts";
import { ClientError } from "./errors.ts";
import type { HeldQuestion } from "./held-question.ts";
import { type AskState, expectedCopies, mayBeSilent, readCircles, readCounts } from "./read-decision.ts";

export type HeadParts = CustomerParts & { readonly held: HeldQuestion };

type Held = { readonly size: number; readonly holders: readonly PeerId[] };

/**
 * The chunk's size and its holders among the closest nodes; the wider circle is asked only where the closest have none. Undefined where nobody has it; rejects with
 * a `ClientError` (`not-ready`) where those that have it may be among the silent.
 */
export async function countHolders(parts: HeadParts, address: Address, signal: AbortSignal): Promise<Held | undefined> {
  const { genesis, limits } = parts;
  const close = believedHolders(parts, address, genesis.copies.target);
  const asked = new Map<PeerId, AskState>();
  const found = await askAll(parts, close, address, { asked, signal });
  if (found !== undefined) return found;
  const circles = readCircles(parts.membership.directory, address, readCounts(genesis.copies, limits));
  const others = new Set([...circles.before, ...circles.wide, ...circles.far].map(({ peer }) => peer));
  const further = [...others].filter((peer) => !close.includes(peer) && !parts.distrusts(peer));
  const foundFurther = await askAll(parts, further, address, { asked, signal });
  if (signal.aborted) throw abortError(signal.reason);
  if (foundFurther === undefined && mayBeSilent(asked, expectedCopies(circles, genesis.copies)))
    throw new ClientError("not-ready", "too few of the vaults that may hold this chunk answer; try again in a moment", { chunk: address });
  return foundFurther;
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

type Asking = { readonly asked: Map<PeerId, AskState>; readonly signal: AbortSignal };

/** Those of `peers` that have it; what each said goes into `asked`. */
async function askAll(
  { held }: HeadParts,
  peers: readonly PeerId[],
  address: Address,
  { asked, signal }: Asking,
): Promise<Held | undefined> {
  const answers = await Promise.all(peers.map(async (peer) => ({ peer, answer: await held.ask(peer, address, signal) })));
  for (const { peer, answer } of answers) asked.set(peer, answer.kind === "not-held" ? "not-held" : "lost");
  const holders = answers.flatMap(({ peer, answer }) => (answer.kind === "held" ? [{ peer, size: answer.size }] : []));
  const [first] = holders;
  return first === undefined ? undefined : { size: first.size, holders: holders.map(({ peer }) => peer) };
}
