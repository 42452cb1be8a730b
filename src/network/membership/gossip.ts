// Gossip: this side's conversations with connected peers, reconciling, pushing, passing goodbyes on. What fails there is a
// suspicion; what succeeds takes one back.
import type { PeerId } from "../../protocol/peer-id.ts";
import { NetworkError, type NetworkErrorCode } from "../errors.ts";
import type { Peers } from "../peers.ts";
import type { Intake } from "./intake.ts";
import type { MembershipLimits } from "./membership-limits.ts";
import { pushRecords, reconcile } from "./reconcile.ts";
import type { Roster } from "./roster.ts";

export type Gossip = {
  /** Reconciles with a peer, once at a time; whether it answered. Never rejects. */
  meet(peer: PeerId): Promise<boolean>;
  /** Sends records without waiting. */
  push(peer: PeerId, records: readonly Uint8Array[]): void;
  /** Sends a goodbye, this node's or another's. Never rejects. */
  tell(peer: PeerId, goodbye: Uint8Array): Promise<void>;
  /** Whether any reconciliation was completed. */
  hasMet(): boolean;
};

// An answer like `refused` or `busy` comes from a living node.
const deathly: ReadonlySet<NetworkErrorCode> = new Set<NetworkErrorCode>(["unreachable", "timeout", "closed"]);

export function createGossip(
  parts: { readonly peers: Peers; readonly roster: Roster; readonly intake: Intake },
  limits: MembershipLimits,
): Gossip {
  const { peers, roster, intake } = parts;
  const asking = { peers, book: roster.book, intake };
  const meetings = new Map<PeerId, Promise<boolean>>();
  let met = false;

  const failed = (peer: PeerId, error: unknown): void => {
    if (!(error instanceof NetworkError) || !deathly.has(error.code)) return;
    // Dialled in vain, yet connected: it came back from its side meanwhile.
    if (error.code === "unreachable" && peers.connected().includes(peer)) return;
    roster.suspect(peer, "failed");
  };
  const meetOnce = async (peer: PeerId): Promise<boolean> => {
    try {
      await reconcile(asking, peer, limits);
      met = true;
      roster.refute(peer);
      return true;
    } catch (error) {
      failed(peer, error);
      return false;
    }
  };
  const meet = (peer: PeerId): Promise<boolean> => {
    const running = meetings.get(peer) ?? meetOnce(peer).finally(() => meetings.delete(peer));
    meetings.set(peer, running);
    return running;
  };
  const push = (peer: PeerId, records: readonly Uint8Array[]): void => {
    void pushRecords(asking, peer, records, limits).catch((error: unknown) => failed(peer, error));
  };
  const tell = async (peer: PeerId, goodbye: Uint8Array): Promise<void> => {
    try {
      const answer = await peers.request(peer, "goodbye", { body: goodbye, chunks: [] }, { timeoutMs: limits.goodbyeTimeoutMs });
      answer.release();
    } catch {
      // Whoever does not hear it sees the connection close.
    }
  };
  return { meet, push, tell, hasMet: () => met };
}
