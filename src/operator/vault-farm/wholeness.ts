// Whether everything that a farm holds has its copies on nodes that stay and serve. Only those that serve count: a chunk whose
// copies all lie on silent nodes is counted by nobody, so where there are enough of those the count proves nothing; nor does it
// where members of the network that are not the farm's have not counted.
import { stopPairsApartMs } from "../../protocol/stop-decision.ts";
import type { FarmGoal } from "./goal.ts";
import { answers, lostItsVolume, mayHoldData, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";

/** Names told of those that are silent; the others are counted. */
const namedMax = 5;

/** Nodes that remember a chunk to count it: its first two holders (`copy-book.ts` of the vault node). */
const countersOfEach = 2;

/** Whether every chunk has had its copies, as far as nodes stay and serve, by the count of all of them, for long enough to be believed. */
export function isWhole(observed: ObservedFarm, goal: FarmGoal, nowMs: number): boolean {
  const { copies, nodes, others } = observed;
  const serving = nodes.filter((node) => stays(node) && answers(node)).length;
  const needed = Math.min(goal.copies.target, serving + (others?.taking ?? 0));
  return (
    copies !== undefined &&
    serving >= goal.copies.min &&
    copies.belowMin === 0 &&
    copies.lowest >= needed &&
    nowMs - copies.sinceMs >= believedAfterMs(observed, goal) &&
    uncounted(observed, goal) === undefined
  );
}

/**
 * How long a count must stand. Where both that remember a chunk may be gone nobody counts it until its other holders look at it again,
 * which they do once the repair delay has passed.
 */
function believedAfterMs({ nodes }: Pick<ObservedFarm, "nodes">, { repairDelayMs }: Pick<FarmGoal, "repairDelayMs">): number {
  const { silent, gone } = missingOf(nodes);
  return stopPairsApartMs + (silent.length + gone.length >= countersOfEach ? repairDelayMs : 0);
}

/** Why there may be chunks of which nobody here knows the count, undefined where there are none. */
export function uncounted(observed: Pick<ObservedFarm, "nodes" | "others">, goal: Pick<FarmGoal, "copies">): string | undefined {
  return heldBySilent(observed, goal) ?? countedElsewhere(observed);
}

/** Why members of the network that are not the farm's may count chunks that lack copies, undefined where all of them have counted. */
export function countedElsewhere({ others }: Pick<ObservedFarm, "others">): string | undefined {
  if (others === undefined || others.uncounted === 0) return undefined;
  const { live, uncounted: many, named } = others;
  const who = named.length === 0 ? "" : ` (${named.join(", ")}${many > named.length ? ` and ${many - named.length} more` : ""})`;
  return (
    `${live} ${live === 1 ? "node" : "nodes"} of the network ${live === 1 ? "is" : "are"} not this farm's, and ${many} of them ` +
    `${many === 1 ? "has" : "have"} not counted${who}: a chunk is counted by one node, so what only those count may lack copies, and no lost ` +
    "node is given up; a node that starts counts within minutes, one of an older version has to be renewed or leave"
  );
}

/**
 * Why there may be chunks that nobody counts, undefined where there are none. A stored chunk has copies.min copies or more. Those
 * on volumes that are gone are lost, those of a released node were proven to exist elsewhere; where that leaves enough silent
 * nodes for all copies of one, whatever is taken away now may be its last.
 */
export function heldBySilent({ nodes }: Pick<ObservedFarm, "nodes">, { copies: { min } }: Pick<FarmGoal, "copies">): string | undefined {
  const { silent, gone } = missingOf(nodes);
  const many = silent.length + gone.length;
  if (silent.length === 0 || many < min) return undefined;
  const volumes = gone.length === 0 ? "" : ` and the volumes of ${gone.length} are gone (${nameSome(gone)})`;
  const back = Math.min(silent.length, many - min + 1);
  return (
    `${silent.length} ${silent.length === 1 ? "node with a volume is" : "nodes with volumes are"} silent (${nameSome(silent)})${volumes}: ` +
    `copies.min is ${min}, so chunks that only they hold are counted by nobody, and none of them is given up; ` +
    `bring ${back} of the silent back; only where their volumes are lost for good, delete their claims`
  );
}

type Missing = { readonly silent: readonly ObservedNode[]; readonly gone: readonly ObservedNode[] };

/** Nodes that were not proven to be spare: those whose volumes may hold copies that nobody can read now, and those whose volumes are gone. */
function missingOf(nodes: readonly ObservedNode[]): Missing {
  const bound = nodes.filter(({ assigned }) => assigned.released !== true);
  return { silent: bound.filter((node) => mayHoldData(node) && !answers(node)), gone: bound.filter(lostItsVolume) };
}

function nameSome(nodes: readonly ObservedNode[]): string {
  const more = nodes.length - namedMax;
  const named = nodes.slice(0, namedMax).map(({ name }) => name);
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}
