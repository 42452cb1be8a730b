// Chunks to be looked at again at some time: fresh ones, those whose turn may come, those that failed. Bounded: the spare ones are
// forgotten first, and what is forgotten is found again when everything is looked through.
import type { Address } from "../../protocol/address.ts";
import type { VaultName } from "../../protocol/keys.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * fresh: just stored · turn: another holder is to act (`first`) · retry: a copy for `owedTo` could not be made · again: look
 * again, as soon as one of `awaits` is back or there is `room`. `spare`: the chunk lacks no copy, it has one too many or moves.
 */
export type Reminder =
  | { readonly kind: "fresh"; readonly dueMs: number }
  | { readonly kind: "again"; readonly dueMs: number; readonly spare: boolean; readonly awaits?: readonly PeerId[]; readonly room?: Room }
  | { readonly kind: "turn"; readonly dueMs: number; readonly spare: boolean; readonly first: PeerId }
  | { readonly kind: "retry"; readonly dueMs: number; readonly owedTo: PeerId };

/** Vaults one of which is to take new chunks. Not before `fromMs`: those that are full to the brim take some and none by turns. */
export type Room = { readonly vaults: readonly VaultName[]; readonly fromMs: number };

/** What is seen of others while reminders are looked through. */
export type Seen = {
  isBack(peer: PeerId): boolean;
  /** The vaults that take new chunks. */
  taking(): ReadonlySet<VaultName>;
};

export type Reminders = {
  /** Remembers a chunk; what was remembered of it before is replaced. Where all places are taken a spare one gives way, or this one is forgotten. */
  set(address: Address, reminder: Reminder): void;
  /** Takes out those that are due, by time or because somebody or something that was awaited is there, at most `most`. */
  takeDue(nowMs: number, most: number, seen: Seen): ReadonlyMap<Address, Reminder>;
  /** What is remembered of a chunk. */
  get(address: Address): Reminder | undefined;
  /** Whether a chunk waits for room. */
  awaitsRoom(address: Address): boolean;
  countOwedTo(peer: PeerId): number;
  size(): number;
  /** Whether any were forgotten since `startAnew`, and half of the places are free again. */
  mayFetchForgotten(): boolean;
  /** Everything is being looked through: nothing is forgotten any more. */
  startAnew(): void;
  /** All that are remembered. */
  addresses(): Iterable<Address>;
};

/** None yet, at most `remindersMax`. */
export function createReminders(remindersMax: number): Reminders {
  const reminders = new Map<Address, Reminder>();
  const spare = new Set<Address>();
  let forgotten = false;
  const forget = (address: Address): void => {
    reminders.delete(address);
    spare.delete(address);
  };
  return {
    set: (address, reminder) => {
      forget(address);
      const [first] = spare;
      if (reminders.size >= remindersMax) {
        forgotten = true;
        if (isSpare(reminder) || first === undefined) return;
        forget(first);
      }
      reminders.set(address, reminder);
      if (isSpare(reminder)) spare.add(address);
    },
    takeDue: (nowMs, most, seen) => {
      const isDue = dueness(nowMs, seen);
      const due = new Map<Address, Reminder>();
      for (const [address, reminder] of reminders) {
        if (due.size === most) break;
        if (!isDue(reminder)) continue;
        due.set(address, reminder);
        forget(address);
      }
      return due;
    },
    get: (address) => reminders.get(address),
    awaitsRoom: (address) => {
      const one = reminders.get(address);
      return one?.kind === "again" && one.room !== undefined;
    },
    countOwedTo: (peer) => [...reminders.values()].filter((one) => one.kind === "retry" && one.owedTo === peer).length,
    size: () => reminders.size,
    mayFetchForgotten: () => forgotten && reminders.size <= remindersMax / 2,
    startAnew: () => {
      forgotten = false;
    },
    addresses: () => reminders.keys(),
  };
}

function isSpare(reminder: Reminder): boolean {
  return (reminder.kind === "again" || reminder.kind === "turn") && reminder.spare;
}

function dueness(nowMs: number, seen: Seen): (reminder: Reminder) => boolean {
  // Asked for at most once: all vaults are gone through for it.
  let taking: ReadonlySet<VaultName> | undefined;
  const takes = (vault: VaultName): boolean => {
    taking ??= seen.taking();
    return taking.has(vault);
  };
  return (reminder) => {
    if (reminder.dueMs <= nowMs) return true;
    if (reminder.kind !== "again") return false;
    const { awaits, room } = reminder;
    if (room !== undefined && room.fromMs <= nowMs && room.vaults.some(takes)) return true;
    return awaits?.some(seen.isBack) ?? false;
  };
}
