// One peer's side of the detector's datagrams: where they go, under which keys and numbers, and which were seen before.
import { type Beat, heartbeatLength, isAuthentic, openBeat, type SessionKeys, sealBeat, type Word } from "../../protocol/heartbeat.ts";

/** What both sides agreed on over their connection. `subject`: the peer's short name, also of a gateway, which nobody watches. */
export type SessionTerms = {
  readonly subject: string;
  readonly ip: string;
  readonly port: number;
  /** The number the peer finds in our datagrams, and we in its. */
  readonly sendAs: number;
  readonly receiveAs: number;
  readonly keys: SessionKeys;
  /** Whether this side asked: the other waits for its first datagram before it uses the new keys. */
  readonly initiator: boolean;
  /** How often heartbeats go to this peer at least, milliseconds. */
  readonly intervalMs: number;
};

export type Session = {
  readonly terms: SessionTerms;
  readonly openedMs: number;
  intervalMs: number;
  nextSendMs: number;
  /** Which of the two beats of an interval is its own; undefined until it is a watcher's. */
  beat: number | undefined;
  sent: number;
  /** The highest number that came, and whether any did. */
  received: number;
  /** Where its heartbeats are written, one after the other. */
  readonly room: Buffer;
};

export function createSession(terms: SessionTerms, nowMs: number): Session {
  const { intervalMs } = terms;
  const room = Buffer.alloc(heartbeatLength);
  return { terms, openedMs: nowMs, intervalMs, nextSendMs: nowMs, beat: undefined, sent: 0, received: 0, room };
}

/**
 * The next datagram to this peer; `lateMs`: how late this side woke. A heartbeat is overwritten by the next one: a full socket
 * that sends it late sends the newer one twice, of which the second is dropped as seen before.
 */
export function seal(session: Session, lateMs: number, words?: readonly Word[]): Uint8Array {
  session.sent += 1;
  const head = { session: session.terms.sendAs, sequence: session.sent, intervalMs: session.intervalMs, lateMs };
  const key = session.terms.keys.send;
  return words === undefined ? sealBeat(head, key, session.room) : sealBeat({ ...head, words }, key);
}

/** A datagram of this session, if it is authentic and new. */
export function open(session: Session, bytes: Buffer): Beat | "forged" | "replayed" {
  if (!isAuthentic(bytes, session.terms.keys.receive)) return "forged";
  const beat = openBeat(bytes);
  if (beat.sequence <= session.received) return "replayed";
  session.received = beat.sequence;
  return beat;
}
