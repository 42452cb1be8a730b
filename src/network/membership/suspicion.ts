// Where suspicions enter: the one door for closed connections, failed requests and the failure detector. A suspicion only
// routes round a node; it is free to take back, and nothing is repaired or decided by it.
import type { PeerId } from "../../protocol/peer-id.ts";

/** closed: its connection closed · failed: a request to it failed · silent: a watcher heard nothing · unseen: known from others or the cache, never reached · told: watchers said so. */
export type SuspicionCause = "closed" | "failed" | "silent" | "unseen" | "told";

export type SuspicionSink = {
  /** Routes round a node from now on, and has it tried again soon. Unknown and departed nodes are ignored. */
  suspect(peer: PeerId, cause: SuspicionCause): void;
  /** The node answered: takes a suspicion back. */
  refute(peer: PeerId): void;
};
