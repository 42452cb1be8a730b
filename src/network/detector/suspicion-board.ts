// The board between the detector's worker and the router: one word of shared memory for each node, written by the worker
// the moment it suspects, read at each pick. A busy main thread delays nothing, since no message has to be handled.
import type { PeerId } from "../../protocol/peer-id.ts";

/** Nodes on one board: more than the largest directory. Those beyond are told by connections only. */
export const boardSlotsMax = 16_384;

/**
 * heard: gives signs of life · silent: this node misses them itself · told: its watchers miss them · lapsed: no word any
 * more, others decide.
 */
export const hints = ["heard", "silent", "told", "lapsed"] as const;
export type Hint = (typeof hints)[number];

const bytesPerSlot = 4;
const timesAt = 8 + boardSlotsMax * bytesPerSlot;

/** The shared memory of a board: a count of changes, the hints, and when each was written (milliseconds of the host's monotonic clock). */
export type BoardMemory = SharedArrayBuffer;

export function createBoardMemory(): BoardMemory {
  return new SharedArrayBuffer(timesAt + boardSlotsMax * 8);
}

/** The worker's side. */
export type BoardWriter = { write(slot: number, hint: Hint, hostMs: number): void };

export function createBoardWriter(memory: BoardMemory): BoardWriter {
  const { changes, words, times } = cells(memory);
  return {
    write: (slot, hint, hostMs) => {
      // From being told to missing it oneself is no new suspicion.
      if (!routesRound(hint) || !routesRound(hintOf(Atomics.load(words, slot)))) times[slot] = hostMs;
      Atomics.store(words, slot, hints.indexOf(hint));
      Atomics.add(changes, 0, 1);
    },
  };
}

/** What the router reads. */
export type SuspicionFeed = {
  /** Tells what changed since it was asked last; costs one read where nothing did. */
  poll(apply: (peer: PeerId, hint: Hint) => void): void;
};

/** The main thread's side: slots given to nodes, and what changed. */
export type SuspicionBoard = SuspicionFeed & {
  readonly memory: BoardMemory;
  /** The slot of a node, for good; undefined where the board is full. */
  slotOf(peer: PeerId): number | undefined;
  /** What stands on the board now, and since when. */
  standing(): readonly { readonly peer: PeerId; readonly hint: Hint; readonly hostMs: number }[];
};

/** An empty board. */
export function createSuspicionBoard(): SuspicionBoard {
  const memory = createBoardMemory();
  const { changes, words, times } = cells(memory);
  const slots = new Map<PeerId, number>();
  const peers: PeerId[] = [];
  const applied: number[] = [];
  let seen = 0;

  const slotOf = (peer: PeerId): number | undefined => {
    const known = slots.get(peer);
    if (known !== undefined || peers.length >= boardSlotsMax) return known;
    slots.set(peer, peers.length);
    applied.push(0);
    return peers.push(peer) - 1;
  };
  const poll = (apply: (peer: PeerId, hint: Hint) => void): void => {
    const now = Atomics.load(changes, 0);
    if (now === seen) return;
    seen = now;
    for (const [slot, peer] of peers.entries()) {
      const word = Atomics.load(words, slot);
      if (word === applied[slot]) continue;
      applied[slot] = word;
      apply(peer, hintOf(word));
    }
  };
  const standing = (): ReturnType<SuspicionBoard["standing"]> =>
    peers.map((peer, slot) => ({ peer, hint: hintOf(Atomics.load(words, slot)), hostMs: times[slot] ?? 0 }));
  return { memory, slotOf, poll, standing };
}

function routesRound(hint: Hint): boolean {
  return hint === "silent" || hint === "told";
}

function hintOf(word: number): Hint {
  return hints[word] ?? "lapsed";
}

function cells(memory: BoardMemory): { changes: Int32Array; words: Int32Array; times: Float64Array } {
  return {
    changes: new Int32Array(memory, 0, 1),
    words: new Int32Array(memory, 8, boardSlotsMax),
    times: new Float64Array(memory, timesAt, boardSlotsMax),
  };
}
