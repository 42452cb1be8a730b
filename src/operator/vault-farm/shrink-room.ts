// Whether vaults may declare less: what a farm of smaller ones could keep, beside what is stored now. Pure.
import { writeQuantity } from "../api/quantity.ts";
import type { FarmGoal } from "./goal.ts";
import { isKeptApart, isTooLarge, leavingOf, stays } from "./node-roles.ts";
import type { ObservedNode } from "./observed.ts";
import { roundedBytes } from "./rounded.ts";

/**
 * Bytes that are stored, and that the farm keeps once all nodes have the wanted size: its capacity but for what stays free.
 * `complete`: whether every node told what it holds; else there is more.
 */
export type ShrinkRoom = { readonly stored: number; readonly kept: number; readonly complete: boolean };

/** Whether a person keeps it from being rebuilt: it would have to answer to hand over what it holds. */
function isHeld(node: ObservedNode): boolean {
  return isKeptApart(node) || node.desired === "Offline";
}

/** The staying nodes that are larger than wanted and may be rebuilt. */
export function nodesToRebuild(goal: FarmGoal, nodes: readonly ObservedNode[]): readonly ObservedNode[] {
  return goal.nodes < goal.copies.min ? [] : nodes.filter((node) => stays(node) && isTooLarge(node, goal) && !isHeld(node));
}

/**
 * What is stored, as far as nodes tell, and what would be kept. What autogrow added to nodes of the wanted size stays, so it
 * counts. In a farm of fewer nodes than copies.target every node holds everything: one
 * more than wanted, made for the change, holds what will not be stored any more.
 */
export function shrinkRoom(goal: FarmGoal, nodes: readonly ObservedNode[]): ShrinkRoom {
  const { vaultsPerNode, vaultCapacity, keepFree, copies } = goal;
  const holding = nodes.filter((node) => stays(node) && !isHeld(node));
  const used = holding.flatMap(({ report }) => report?.used ?? []);
  const grown = holding
    .filter((node) => !isTooLarge(node, goal))
    .reduce((sum, { assigned }) => sum + Math.max(0, (assigned.capacity ?? 0) - vaultCapacity), 0);
  const all = used.reduce((sum, bytes) => sum + bytes, 0);
  const stored = goal.nodes < copies.target ? Math.min(all, goal.nodes * Math.max(0, ...used)) : all;
  const kept = Math.floor(vaultsPerNode * (goal.nodes * vaultCapacity + grown) * (1 - keepFree));
  return { stored, kept, complete: used.length === holding.length };
}

/**
 * Why vaults cannot declare less, with what can be done about it; undefined where they can, or nobody wants it.
 * Numbers are rounded, the advised ones upwards, so that a status which says so is seldom written.
 */
export function shrinkProblem(goal: FarmGoal, nodes: readonly ObservedNode[]): string | undefined {
  if (nodesToRebuild(goal, nodes).length === 0) return undefined;
  const room = shrinkRoom(goal, nodes);
  if (room.stored <= room.kept) return undefined;
  const { vaultsPerNode, vaultCapacity, keepFree } = goal;
  const needed = room.stored / (1 - keepFree) / vaultsPerNode;
  const size = writeQuantity(vaultCapacity);
  const missing = `vaults of ${size} keep ${roundedBytes(room.kept)}, and ${roundedBytes(room.stored)} are stored: ${roundedBytes(room.stored - room.kept)} are missing`;
  return `spec.vaultCapacity: ${missing}; set it to ${roundedUp(needed / goal.nodes)} or more, or spec.replicas to ${Math.ceil(needed / vaultCapacity)} or more`;
}

// Whole MiB with two significant digits.
function roundedUp(bytes: number): string {
  const mib = Math.ceil(bytes / 2 ** 20);
  const step = 10 ** Math.max(0, String(mib).length - 2);
  return `${Math.ceil(mib / step) * step}Mi`;
}

/**
 * Whether one node more than wanted is to be there, which takes over before one is rebuilt. While one is being rebuilt, or is too
 * many, it is not: the next is made once that one went. Where smaller vaults would not hold what is stored, none is made, and one that is there stays.
 */
export function needsRoom(goal: FarmGoal, nodes: readonly ObservedNode[]): boolean {
  const leaves = nodes.map(leavingOf);
  if (nodesToRebuild(goal, nodes).length === 0 || leaves.includes("Shrink") || leaves.includes("ScaleDown")) return false;
  if (shrinkProblem(goal, nodes) === undefined) return true;
  const staying = nodes.filter(stays);
  return staying.length > goal.nodes && staying.some((node) => !isTooLarge(node, goal));
}
