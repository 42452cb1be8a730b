// Growing before it is full: what a node's vaults are to declare rises by steps up to a maximum, its volume first. No
// node ever shrinks (see plan-shrink.ts), and a volume that somebody else made larger is left so.
import type { AssignedSpec } from "../api/vault-node.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { capacityFitting, isTooLarge, stays, volumeBytesFor, wantedCapacity } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { assign } from "./plan-count.ts";

/** Within this time a volume is certainly larger and its node started anew, hours: nodes go one after the other. */
const growingTakesHours = 6;
/** A vault takes nothing more from here on, percent (protocol: it is cordoned at 95). */
const closedPercent = 95;

/** Capacities are whole MiB: what a person reads. */
const grain = 2 ** 20;

/** Raises capacities of nodes that fill up, and volumes that are too small for what is wanted of them. */
export function planGrowth(goal: FarmGoal, { nodes }: ObservedFarm): readonly FarmAction[] {
  return nodes.filter(stays).flatMap((node) => [...planCapacity(node, goal), ...planVolume(node, goal)]);
}

function planCapacity(node: ObservedNode, goal: FarmGoal): readonly FarmAction[] {
  const grown = grownCapacity(node, goal);
  if (grown === undefined) return [];
  const { used, why } = fillOf(node, goal);
  return [assign(node, { capacity: grown }, `${Math.round(used)} percent of it ${why}`)];
}

/** What each of its vaults should declare after the next step, undefined where it need not grow, or cannot. */
export function grownCapacity(node: ObservedNode, goal: FarmGoal): number | undefined {
  const { autogrow } = goal;
  const { report } = node;
  const wanted = wantedCapacity(node, goal);
  // One that is to be rebuilt smaller takes no more of a disk.
  if (isTooLarge(node, goal)) return undefined;
  // Until what was wanted last is declared, its fill says nothing.
  if (autogrow === undefined || report === undefined || report.declared < wanted || wanted >= autogrow.max) return undefined;
  const { used, above } = fillOf(node, goal);
  if (used < above) return undefined;
  return Math.min(autogrow.max, Math.ceil((wanted * (1 + autogrow.step / 100)) / grain) * grain);
}

/**
 * What is decided at once of a node of which nothing is known but its volume, of `volumeBytes`: where a farm grows by itself, its vaults
 * had grown as far as that fits. Declaring less they would be full beyond it.
 */
export function adoptedAs(volumeBytes: number, { autogrow, vaultsPerNode, vaultCapacity }: AdoptingGoal): AssignedSpec {
  if (autogrow === undefined || !Number.isFinite(volumeBytes)) return {};
  const capacity = Math.min(autogrow.max, capacityFitting(vaultsPerNode, volumeBytes));
  // A volume is a whole number of MiB, a vault need not be.
  return capacity - vaultCapacity >= grain ? { capacity } : {};
}

type AdoptingGoal = Pick<FarmGoal, "autogrow" | "vaultsPerNode" | "vaultCapacity">;

// What is in use now, or will be within the time that growing may take, whichever is nearer to its mark.
function fillOf({ report }: ObservedNode, { autogrow, vaultsPerNode }: FarmGoal): { used: number; above: number; why: string } {
  const full = vaultsPerNode * (report?.declared ?? 0);
  const percent = (bytes: number): number => (full === 0 ? 0 : (100 * bytes) / full);
  const used = percent(report?.used ?? 0);
  const above = autogrow?.whenUsedAbove ?? 100;
  const soon = percent((report?.used ?? 0) + growingTakesHours * (report?.fillPerHour ?? 0));
  if (used < above && soon >= closedPercent)
    return { used: soon, above: closedPercent, why: `will be in use within ${growingTakesHours} hours` };
  return { used, above, why: "is in use" };
}

function planVolume(node: ObservedNode, goal: FarmGoal): readonly FarmAction[] {
  const bytes = volumeBytesFor(goal.vaultsPerNode, wantedCapacity(node, goal));
  if (node.volume !== "bound" || node.volumeBytes >= bytes) return [];
  return [{ kind: "grow-volume", name: node.name, bytes, why: "its vaults are to declare more than fits" }];
}
