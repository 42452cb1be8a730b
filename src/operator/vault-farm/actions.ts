// What can be done to a farm: one vocabulary for processes with folders and for pods with volumes. Each action carries its
// reason, can be repeated without harm, and leaves the farm in a state from which the plan goes on if it is cut short.
import type { PeerId } from "../../protocol/peer-id.ts";
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import type { DesiredState } from "../../protocol/states.ts";
import type { AssignedSpec } from "../api/vault-node.ts";

export type FarmAction =
  /** Makes a node: its record, its volume, its process. */
  | { readonly kind: "create-node"; readonly zone: string; readonly why: string }
  | { readonly kind: "create-gateway"; readonly why: string }
  /** start-node makes what is missing of it too. */
  | {
      readonly kind: "start-node" | "start-gateway" | "stop-node" | "stop-gateway" | "remove-gateway";
      readonly name: string;
      readonly why: string;
    }
  | { readonly kind: "grant-node"; readonly name: string; readonly peerId: PeerId; readonly why: string }
  | { readonly kind: "tell-peers"; readonly name: string; readonly peers: readonly string[]; readonly why: string }
  /** Has the owner confirm the first members. */
  | { readonly kind: "found-network"; readonly why: string }
  /** Tells the node itself what is wanted of it. */
  | { readonly kind: "command-node"; readonly name: string; readonly state: DesiredState; readonly why: string }
  /** Remembers a decision: replaces all that was decided of the node. */
  | { readonly kind: "assign-node"; readonly name: string; readonly assigned: AssignedSpec; readonly why: string }
  | { readonly kind: "grow-volume"; readonly name: string; readonly bytes: number; readonly why: string }
  /** Takes one look at whether it may be stopped, for `purpose`, with the nodes `among` as second sources; `keep`: the earlier look stays, as the first of two. */
  | {
      readonly kind: "prove-node";
      readonly name: string;
      readonly purpose: StopPurpose;
      readonly among: readonly string[];
      readonly keep: boolean;
      readonly why: string;
    }
  /** Takes away a released node that does not run: its volume as said, then its record. */
  | { readonly kind: "remove-node"; readonly name: string; readonly volume: "keep" | "delete"; readonly why: string }
  /** Nothing can be done before `untilMs`, or before something changes. `name`: of the node or gateway; absent: the farm. */
  | { readonly kind: "wait"; readonly name?: string; readonly untilMs?: number; readonly why: string };
