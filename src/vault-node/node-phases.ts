// Where the process stands between its start and its stop, and why it is not ready.
import type { NodePhase } from "../protocol/node-status.ts";

export type NodePhases = {
  phase(): NodePhase;
  /** Why the node is not ready, undefined where it is. */
  notReady(): string | undefined;
  /** Every part runs. */
  started(): void;
  stopping(): void;
};

/** A process that has just begun; `joined`: whether the node met another, or founds the network. */
export function createNodePhases(joined: () => boolean): NodePhases {
  let run: "starting" | "running" | "stopping" = "starting";
  const phase = (): NodePhase => (run === "running" ? (joined() ? "ready" : "joining") : run);
  return {
    phase,
    notReady: () => reasons[phase()],
    started: () => {
      run = "running";
    },
    stopping: () => {
      run = "stopping";
    },
  };
}

const reasons: Readonly<Record<NodePhase, string | undefined>> = {
  starting: "the node is starting",
  joining: "the store is open; no other node of the network has been met yet",
  ready: undefined,
  stopping: "the node is stopping",
};
