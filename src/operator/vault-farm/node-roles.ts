// What a node is to the plan: whether it stays, leaves or is lost, whether it should run, what it should be told, and
// whether it runs with something else than is wanted. Pure questions about one node.
import { type DesiredState, desiredStates } from "../../protocol/states.ts";
import type { LeavingReason } from "../api/vault-node.ts";
import type { FarmGoal } from "./goal.ts";
import type { ObservedNode } from "./observed.ts";

/** Why a node leaves: a person asked, or what the operator decided. */
export type Leaving = "Asked" | LeavingReason;

/** Why the node leaves, undefined where it stays. */
export function leavingOf({ deleting, desired, assigned }: ObservedNode): Leaving | undefined {
  return deleting || desired === "Drained" ? "Asked" : assigned.leaving;
}

/** Whether it is counted as one of the wanted nodes. */
export function stays(node: ObservedNode): boolean {
  return leavingOf(node) === undefined && node.assigned.released !== true;
}

/** Whether its process should run. An offline node runs again to hand over what it holds before its record goes. */
export function shouldRun({ assigned, desired, deleting }: ObservedNode): boolean {
  return assigned.released !== true && (desired !== "Offline" || deleting);
}

/** Whether the network does without it: a person wants that, or its volume holds another identity than was known. */
export function isKeptApart({ formerPeerId, desired }: ObservedNode): boolean {
  return formerPeerId !== undefined || desired === "Fenced";
}

/** Whether it serves: it runs, is ready, and is not kept apart. */
export function serves(node: ObservedNode): boolean {
  return node.state.kind === "ready" && !isKeptApart(node);
}

/** Whether it serves and says so itself: readiness alone may be minutes old. */
export function answers(node: ObservedNode): boolean {
  return serves(node) && node.report !== undefined && node.hostState !== "gone";
}

/** Whether it has been away for so long that it is given up. */
export function isLost({ awaySinceMs }: ObservedNode, goal: FarmGoal, nowMs: number): boolean {
  return awaySinceMs !== undefined && nowMs - awaySinceMs >= goal.lostAfterMs;
}

/** Whether nothing is on it that could be lost: it has no volume, or one that was never used. */
export function holdsNothing({ volume, state }: ObservedNode): boolean {
  return (volume === "absent" || volume === "unbound") && state.kind !== "ready";
}

/** Whether it ran with a volume of which nothing is left. */
export function lostItsVolume(node: ObservedNode): boolean {
  return holdsNothing(node) && node.peerId !== undefined;
}

/** Whether it has a volume that may hold something, whosever it is; one that is being deleted does until its pod goes. */
export function mayHoldData({ volume }: ObservedNode): boolean {
  return volume === "bound" || volume === "foreign" || volume === "terminating";
}

/** Bytes that each of its vaults should declare: a node never declares less than it did, see `isTooLarge`. */
export function wantedCapacity({ assigned }: ObservedNode, { vaultCapacity }: Pick<FarmGoal, "vaultCapacity">): number {
  return Math.max(vaultCapacity, assigned.capacity ?? 0, assigned.specCapacity ?? 0);
}

/**
 * The largest spec.vaultCapacity that its vaults declare: as remembered, or as its process was started; 0 where nothing tells.
 * What autogrow added is not in it.
 */
export function madeFor({ assigned, runsWith }: ObservedNode): number {
  const started = runsWith?.capacity ?? 0;
  return Math.max(assigned.specCapacity ?? 0, started > (assigned.capacity ?? 0) ? started : 0);
}

/** Whether a person wants its vaults to declare less since it was made. What autogrow added does not count: nobody took that back. */
export function isTooLarge(node: ObservedNode, { vaultCapacity }: Pick<FarmGoal, "vaultCapacity">): boolean {
  return madeFor(node) > vaultCapacity;
}

/** Bytes of the volume of a node whose vaults declare `capacity` each: a tenth and a GiB for indexes, logs and what is being rewritten. */
export function volumeBytesFor(vaultsPerNode: number, capacity: number): number {
  return Math.ceil(vaultsPerNode * capacity * 1.1 + 2 ** 30);
}

/** Bytes that vaults of a node with a volume of that size may declare each, in whole MiB: the other way round than `volumeBytesFor`. */
export function capacityFitting(vaultsPerNode: number, volumeBytes: number): number {
  const mib = 2 ** 20;
  const fits = Math.floor((volumeBytes - 2 ** 30) / 1.1 / vaultsPerNode / mib) * mib;
  // Rounded, a size may need a byte more than there is, for which the volume would be made to grow.
  return Math.max(0, volumeBytesFor(vaultsPerNode, fits) > volumeBytes ? fits - mib : fits);
}

/** Why the node should be started anew, undefined where it runs as wanted. A volume grows before more is declared. */
export function outdatedOf(node: ObservedNode, goal: FarmGoal): string | undefined {
  const { runsWith } = node;
  if (runsWith === undefined) return undefined;
  if (runsWith.template !== goal.template) return "its settings have changed";
  const capacity = wantedCapacity(node, goal);
  const room = node.volumeBytes >= volumeBytesFor(goal.vaultsPerNode, capacity);
  return capacity > runsWith.capacity && room ? "its vaults are to declare more" : undefined;
}

/** What the person wants the node to be told, as mild as that allows. */
export function personsState(node: ObservedNode): DesiredState {
  const { desired, deleting, handsOver } = node;
  if (isKeptApart(node)) return "fenced";
  if (deleting || desired === "Drained" || handsOver === true) return "draining";
  return desired === "Active" ? "active" : "cordoned";
}

/** The stricter of two wishes. */
export function stricter(a: DesiredState, b: DesiredState): DesiredState {
  return desiredStates.indexOf(a) >= desiredStates.indexOf(b) ? a : b;
}
