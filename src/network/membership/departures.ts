// Goodbyes heard: who is away until when, and who left for good. Bounded; the oldest leaver is forgotten first.
import { equalBytes } from "../../protocol/bytes.ts";
import type { Goodbye } from "../../protocol/messages/goodbye.ts";
import { isNewer } from "../../protocol/node-record.ts";
import type { PeerId } from "../../protocol/peer-id.ts";

/** A goodbye with its bytes, which are passed on unchanged; `untilMs` on the monotonic clock, for the absent only. */
export type Departed = { readonly goodbye: Goodbye; readonly bytes: Uint8Array; readonly untilMs: number };

type Moment = { readonly startCounter: number; readonly sequence: number };

export type Departures = {
  /** False where this goodbye, or a newer one, was heard before. */
  add(goodbye: Goodbye, bytes: Uint8Array, nowMs: number): boolean;
  get(peer: PeerId): Departed | undefined;
  /** Whether the node went after it signed this. */
  covers(peer: PeerId, moment: Moment): boolean;
  forget(peer: PeerId): void;
  /** The absent whose time has passed; they stay known until forgotten, so that an old goodbye is not taken for a new one. */
  overdue(nowMs: number): readonly PeerId[];
  /** The absent whose time has not passed, who went last first; at most `countMax`. */
  absent(nowMs: number, countMax: number): readonly Departed[];
};

/** Remembers at most `countMax` goodbyes; `onForgotten` is told which leaver had to make room. */
export function createDepartures(countMax: number, onForgotten: (peer: PeerId) => void): Departures {
  const heard = new Map<PeerId, Departed>();
  const covers = (peer: PeerId, moment: Moment): boolean => {
    const departed = heard.get(peer);
    return departed !== undefined && !isNewer(moment, departed.goodbye);
  };
  const add = (goodbye: Goodbye, bytes: Uint8Array, nowMs: number): boolean => {
    const known = heard.get(goodbye.peerId);
    const before = known?.goodbye;
    // The same words that did not convince before do not because somebody else passes them on.
    const isSame = known !== undefined && equalBytes(known.bytes, bytes);
    const upgraded = before?.departure.kind === "away" && goodbye.departure.kind === "leaving" && !isNewer(before, goodbye) && !isSame;
    if (covers(goodbye.peerId, goodbye) && !upgraded) return false;
    const { departure } = goodbye;
    const untilMs = departure.kind === "away" ? nowMs + departure.backInMs : Number.POSITIVE_INFINITY;
    heard.delete(goodbye.peerId);
    heard.set(goodbye.peerId, { goodbye, bytes, untilMs });
    const oldest = heard.keys().next().value;
    if (heard.size > countMax && oldest !== undefined) {
      heard.delete(oldest);
      onForgotten(oldest);
    }
    return true;
  };
  const overdue = (nowMs: number): readonly PeerId[] => [...heard].filter(([, { untilMs }]) => untilMs <= nowMs).map(([peer]) => peer);
  const absent = (nowMs: number, max: number): readonly Departed[] =>
    [...heard.values()]
      .filter(({ goodbye, untilMs }) => goodbye.departure.kind === "away" && untilMs > nowMs)
      .slice(-max)
      .reverse();
  return { absent, add, get: (peer) => heard.get(peer), covers, forget: (peer) => void heard.delete(peer), overdue };
}
