// Which copies other nodes are sending here just now. A node asks before it sends what repair or a joining vault needs; while
// one is sending a chunk the next is told that it comes, so that who acts late or twice costs a question and not a chunk.
import type { Address } from "../protocol/address.ts";
import type { PeerId } from "../protocol/peer-id.ts";

export type ExpectedCopiesLimits = {
  /** A copy that was announced and has not come is waited for so long: a minute held up chunks that had too few (seed 50). */
  readonly waitMs: number;
  /** Who announced a copy and did not send it does not hold others up with the same chunk for so long. */
  readonly doubtMs: number;
  /** Announcements remembered, the oldest go first: about 200 bytes each. What is forgotten costs at worst a chunk sent twice. */
  readonly chunksMax: number;
};

export const expectedCopiesLimits: ExpectedCopiesLimits = { waitMs: 10_000, doubtMs: 600_000, chunksMax: 16_384 };

export type ExpectedCopies = {
  /** A peer is about to send a chunk. False: another one is sending it already. */
  announced(from: PeerId, chunk: Address): boolean;
  /** What a peer sent has come, whatever became of it. */
  came(from: PeerId, chunks: Iterable<Address>): void;
};

export type ExpectedCopiesParts = {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Whether a peer is a node of the network that answers now: nobody waits for any other. */
  isLiveNode(peer: PeerId): boolean;
};

type Announcement = { readonly from: PeerId; readonly atMs: number };

/** Nothing is expected yet. */
export function createExpectedCopies(
  { nowMs, isLiveNode }: ExpectedCopiesParts,
  limits: ExpectedCopiesLimits = expectedCopiesLimits,
): ExpectedCopies {
  // A Map keeps the order of arrival, so that the first is the oldest.
  const announcements = new Map<Address, Announcement>();
  const note = (chunk: Address, announcement: Announcement): void => {
    announcements.delete(chunk);
    announcements.set(chunk, announcement);
    const [oldest] = announcements.keys();
    if (announcements.size > limits.chunksMax && oldest !== undefined) announcements.delete(oldest);
  };
  return {
    announced: (from, chunk) => {
      const known = announcements.get(chunk);
      const ageMs = known === undefined ? Number.POSITIVE_INFINITY : nowMs() - known.atMs;
      if (known !== undefined && known.from !== from && ageMs < limits.waitMs && isLiveNode(known.from)) return false;
      // Announcing again prolongs nothing: who only announces holds others up once.
      const again = known?.from === from && ageMs < limits.doubtMs;
      if (!again && isLiveNode(from)) note(chunk, { from, atMs: nowMs() });
      return true;
    },
    came: (from, chunks) => {
      for (const chunk of chunks) if (announcements.get(chunk)?.from === from) announcements.delete(chunk);
    },
  };
}
