// Chunks to be looked at again at some time: fresh ones, those whose turn may come, those that failed. Bounded: what is
// forgotten is found again when everything is looked through.
import type { Address } from "../../protocol/address.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/**
 * fresh: just stored · turn: another holder is to act (`first`) · retry: a copy for `owedTo` could not be made · again: look
 * again, as soon as one of `awaits` is back.
 */
export type Reminder =
  | { readonly kind: "fresh"; readonly dueMs: number }
  | { readonly kind: "again"; readonly dueMs: number; readonly awaits?: readonly PeerId[] }
  | { readonly kind: "turn"; readonly dueMs: number; readonly first: PeerId }
  | { readonly kind: "retry"; readonly dueMs: number; readonly owedTo: PeerId };

export type Reminders = {
  /** Remembers a chunk; what was remembered of it before is replaced. */
  set(address: Address, reminder: Reminder): void;
  /** Takes out those that are due, by time or because somebody who was awaited is back, at most `most`. */
  takeDue(nowMs: number, most: number, isBack: (peer: PeerId) => boolean): ReadonlyMap<Address, Reminder>;
  countOwedTo(peer: PeerId): number;
  size(): number;
  /** All that are remembered. */
  addresses(): Iterable<Address>;
};

/** None yet, at most `remindersMax`. */
export function createReminders(remindersMax: number): Reminders {
  const reminders = new Map<Address, Reminder>();
  return {
    set: (address, reminder) => {
      reminders.delete(address);
      if (reminders.size < remindersMax) reminders.set(address, reminder);
    },
    takeDue: (nowMs, most, isBack) => {
      const due = new Map<Address, Reminder>();
      for (const [address, reminder] of reminders) {
        if (due.size === most) break;
        const isDue = reminder.dueMs <= nowMs || (reminder.kind === "again" && (reminder.awaits?.some(isBack) ?? false));
        if (!isDue) continue;
        due.set(address, reminder);
        reminders.delete(address);
      }
      return due;
    },
    countOwedTo: (peer) => [...reminders.values()].filter((one) => one.kind === "retry" && one.owedTo === peer).length,
    size: () => reminders.size,
    addresses: () => reminders.keys(),
  };
}
