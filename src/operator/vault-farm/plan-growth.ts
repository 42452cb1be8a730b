// Growing before it is full: what a node's vaults are to declare rises by steps up to a maximum, its volume first. Nothing
// ever shrinks, and a volume that somebody else made larger is left so.
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { stays, volumeBytesFor, wantedCapacity } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { assign } from "./plan-count.ts";

/** Capacities are whole MiB: what a person reads. */
const grain = 2 ** 20;

/** Raises capacities of nodes that fill up, and volumes that are too small for what is wanted of them. */
export function planGrowth(goal: FarmGoal, { nodes }: ObservedFarm): readonly FarmAction[] {
  return nodes.filter(stays).flatMap((node) => [...planCapacity(node, goal), ...planVolume(node, goal)]);
}

function planCapacity(node: ObservedNode, goal: FarmGoal): readonly FarmAction[] {
  const grown = grownCapacity(node, goal);
  if (grown === undefined) return [];
  return [assign(node, { capacity: grown }, `more than ${goal.autogrow?.whenUsedAbove ?? 0} percent of it is in use`)];
}

/** What each of its vaults should declare after the next step, undefined where it need not grow, or cannot. */
export function grownCapacity(node: ObservedNode, goal: FarmGoal): number | undefined {
  const { autogrow, vaultsPerNode } = goal;
  const { report } = node;
  const wanted = wantedCapacity(node, goal);
  // Until what was wanted last is declared, its fill says nothing.
  if (autogrow === undefined || report === undefined || report.declared < wanted || wanted >= autogrow.max) return undefined;
  if (report.used * 100 < autogrow.whenUsedAbove * vaultsPerNode * report.declared) return undefined;
  return Math.min(autogrow.max, Math.ceil((wanted * (1 + autogrow.step / 100)) / grain) * grain);
}

function planVolume(node: ObservedNode, goal: FarmGoal): readonly FarmAction[] {
  const bytes = volumeBytesFor(goal.vaultsPerNode, wantedCapacity(node, goal));
  if (node.volume !== "bound" || node.volumeBytes >= bytes) return [];
  return [{ kind: "grow-volume", name: node.name, bytes, why: "its vaults are to declare more than fits" }];
}
