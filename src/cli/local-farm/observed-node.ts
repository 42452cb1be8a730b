// A node of a local farm in the terms of the plan, from its place, its process and what it says of itself. Pure. What is the
// same for all on one machine (volume, machine) is said here once.
import { reportOf } from "../../operator/node-access/node-report.ts";
import type { MemberState, ObservedNode, StopEvidence } from "../../operator/vault-farm/observed.ts";
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { PeerId } from "../../protocol/peer-id.ts";
import { type NodePlace, staysHere } from "./farm-state.ts";

/** What is known of a node now. `order`: where it stands among all, oldest first; `peerId`: of this farm's network, as it says itself. */
export type NodeGlance = {
  readonly order: number;
  readonly state: MemberState;
  readonly peersTold: readonly string[];
  readonly status?: NodeStatus;
  readonly peerId?: PeerId;
  readonly evidence?: StopEvidence;
  readonly awaySinceMs?: number;
};

const everywhere = {
  addressed: true,
  host: "",
  hostState: "fine",
  byHand: false,
  deleting: false,
  volume: "bound",
  volumeBytes: Number.POSITIVE_INFINITY,
} as const;

/** The node as the plan reads it. */
export function observedNode(place: NodePlace, { order, status, peerId, awaySinceMs, ...seen }: NodeGlance): ObservedNode {
  const report = status === undefined || peerId === undefined ? undefined : reportOf(status);
  // Nobody but a person cordons or fences here, and who drains without a decision of the plan was told so by a person.
  const handsOver = staysHere(place) && report?.admin === "draining" && place.drainedByPlan !== true;
  return {
    ...everywhere,
    ...seen,
    name: place.name,
    zone: place.zone,
    granted: (peerId === undefined ? undefined : status?.granted) ?? place.granted,
    createdMs: order,
    desired: report?.admin === "fenced" ? "Fenced" : report?.admin === "cordoned" ? "Cordoned" : "Active",
    assigned: place.assigned ?? {},
    ...(handsOver ? { handsOver } : {}),
    ...(peerId === undefined ? {} : { peerId }),
    ...(report === undefined ? {} : { report }),
    // Only one that is to leave is given up: a local farm makes no new node in place of one that does not come up.
    ...(staysHere(place) || awaySinceMs === undefined ? {} : { awaySinceMs }),
  };
}

/** What is to be remembered of a node that says this of itself. */
export function learnedOf(place: NodePlace, { granted, admin }: Pick<NodeStatus, "granted" | "admin">): Partial<NodePlace> {
  // Once it takes part again, whoever has it drain next is somebody else.
  const isBack = staysHere(place) && admin !== "draining" && place.drainedByPlan === true;
  return { granted, ...(isBack ? { drainedByPlan: false } : {}) };
}
