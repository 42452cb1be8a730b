// The sessions with all peers: one in use for each, and while keys change the one before, until the new has proved itself.
import { createSession, type Session, type SessionTerms } from "./session.ts";

export type SessionTable = {
  add(terms: SessionTerms, nowMs: number): Session;
  /** The session under which to send to a peer. */
  of(subject: string): Session | undefined;
  /** The session whose datagrams carry this number. */
  receiving(number: number): Session | undefined;
  /** A datagram of it was authentic: an older session of the peer ends. */
  proved(session: Session): void;
  remove(subject: string): void;
  all(): Iterable<Session>;
};

type Pair = { current: Session; before: Session | undefined };

export function createSessionTable(): SessionTable {
  const pairs = new Map<string, Pair>();
  const byNumber = new Map<number, Session>();
  const end = (session: Session | undefined): void => {
    if (session !== undefined && byNumber.get(session.terms.receiveAs) === session) byNumber.delete(session.terms.receiveAs);
  };
  // Until the asker's first datagram has come, the keys before are the ones it surely has.
  const inUse = ({ current, before }: Pair): Session => (before === undefined || current.terms.initiator ? current : before);
  return {
    add: (terms, nowMs) => {
      const pair = pairs.get(terms.subject);
      const session = createSession(terms, nowMs);
      end(pair?.before);
      pairs.set(terms.subject, { current: session, before: pair?.current });
      byNumber.set(terms.receiveAs, session);
      return session;
    },
    of: (subject) => {
      const pair = pairs.get(subject);
      return pair === undefined ? undefined : inUse(pair);
    },
    receiving: (number) => byNumber.get(number),
    proved: (session) => {
      const pair = pairs.get(session.terms.subject);
      if (pair?.current !== session || pair.before === undefined) return;
      end(pair.before);
      pair.before = undefined;
    },
    remove: (subject) => {
      const pair = pairs.get(subject);
      end(pair?.before);
      end(pair?.current);
      pairs.delete(subject);
    },
    all: function* () {
      for (const pair of pairs.values()) yield inUse(pair);
    },
  };
}
