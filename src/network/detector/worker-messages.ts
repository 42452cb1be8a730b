// What main thread and detector worker say to each other. Suspicions do not travel here but over the board; `changed` only
// wakes a main thread that picks nobody now.
import type { ProfileName } from "../../protocol/network-profile.ts";
import type { ThreadPriority } from "../../runtime/thread-priority.ts";
import type { PulseEvent, RingNode } from "./pulse.ts";
import type { SessionTerms } from "./session.ts";
import type { BoardMemory } from "./suspicion-board.ts";

/** Given at the start. `port` 0 = any free one. */
export type WorkerStart = {
  readonly self: string;
  readonly profile: ProfileName;
  readonly ip: string;
  readonly port: number;
  readonly memory: BoardMemory;
};

export type ToDetectorWorker =
  | { readonly type: "nodes"; readonly added: readonly RingNode[]; readonly removed: readonly string[] }
  | { readonly type: "open"; readonly terms: SessionTerms }
  | { readonly type: "close"; readonly subject: string }
  | { readonly type: "forget" };

export type FromDetectorWorker =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "not-listening"; readonly why: string; readonly code: string | undefined }
  | { readonly type: "priority"; readonly priority: ThreadPriority }
  /** It took too much of a core for a real-time thread, and is one no more. */
  | { readonly type: "lowered" }
  | { readonly type: "changed" }
  | { readonly type: "events"; readonly events: readonly PulseEvent[] };
