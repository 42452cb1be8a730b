// Who waits for leases of buffers is helped where clients are the cause: those that are behind have to leave, the slowest
// first, and no more of them than it takes. While nobody waits nobody has to. What they leave is for who has waited longest.
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { ClientPace } from "./client-pace.ts";

/** Between two looks while somebody waits, milliseconds. The first comes after as long: what arrived while this process stood still is read until then. */
const lookMs = 1000;

export type LeaseClient = Pick<ClientPace, "behindMs" | "end">;

export type LeaseRelief = {
  /** A client holds `bytes` until the returned function is called. */
  hold(bytes: number, client: LeaseClient): () => void;
  /** Somebody waits for `bytes`. */
  want(bytes: number): Want;
  /** Bytes that there are for `want`; absent: for who does not wait yet. */
  roomFor(want?: Want): number;
};

/** Somebody who waits, until one of these is called. */
export type Want = { served(): void; givenUp(): void };

/** `bytesMax` and `reserved`: what all leases together may have, and have. */
export type LeaseRoom = { readonly bytesMax: number; reserved(): number };

type Behind = { readonly bytes: number; readonly behindMs: number };
type Holder = { readonly bytes: number; readonly client: LeaseClient; leaves: boolean };

/** Those of `holders` that have to leave for `missing` bytes: who is furthest behind first. Pure. */
export function whoLeaves<T extends Behind>(holders: readonly T[], missing: number): readonly T[] {
  const leaving: T[] = [];
  let left = missing;
  for (const holder of holders.filter(({ behindMs }) => behindMs > 0).sort((a, b) => b.behindMs - a.behindMs)) {
    if (left <= 0) break;
    leaving.push(holder);
    left -= holder.bytes;
  }
  return leaving;
}

/** A relief for the leases in `room`. */
export function createLeaseRelief(room: LeaseRoom, clock: Clock): LeaseRelief {
  const holders = new Set<Holder>();
  // In the order in which they came.
  const wants = new Map<Want, { readonly bytes: number }>();
  // What was left by those that had to, and is for the first who waits: others who need less would always be there before it is enough.
  let aside = 0;
  let timer: Timer | undefined;

  /** What waits and finds no room, once those that have to leave already are gone. More than everything cannot be had at once. */
  const missing = (): number => {
    const leaving = sumOf([...holders].filter(({ leaves }) => leaves));
    return Math.min(room.bytesMax, sumOf(wants.values())) + room.reserved() - leaving - room.bytesMax;
  };
  const look = (): void => {
    const staying = [...holders].filter(({ leaves }) => !leaves);
    const clients = staying.map((holder) => ({ holder, bytes: holder.bytes, behindMs: holder.client.behindMs() }));
    for (const { holder } of whoLeaves(clients, missing())) {
      holder.leaves = true;
      holder.client.end();
    }
    timer = wants.size === 0 ? undefined : clock.after(lookMs, look);
  };
  const leave = (want: Want, got: number): void => {
    wants.delete(want);
    aside = wants.size === 0 ? 0 : Math.max(0, aside - got);
    if (wants.size > 0) return;
    timer?.cancel();
    timer = undefined;
  };
  return {
    hold: (bytes, client) => {
      const holder = { bytes, client, leaves: false };
      holders.add(holder);
      return () => {
        holders.delete(holder);
        if (holder.leaves && wants.size > 0) aside += bytes;
      };
    },
    want: (bytes) => {
      const want: Want = { served: () => leave(want, bytes), givenUp: () => leave(want, 0) };
      wants.set(want, { bytes });
      timer ??= clock.after(lookMs, look);
      return want;
    },
    roomFor: (want) => {
      const [first] = wants.keys();
      return room.bytesMax - room.reserved() - (want !== undefined && want === first ? 0 : aside);
    },
  };
}

function sumOf(of: Iterable<{ readonly bytes: number }>): number {
  let sum = 0;
  for (const { bytes } of of) sum += bytes;
  return sum;
}
