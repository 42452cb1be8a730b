// The one disturbance at a time: which node is stopped or taken away next by our hand, and what has to be proven before.
// Whoever does not answer, or cannot prove what is asked, is left as it is.
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import { stopPairsApartMs } from "../../protocol/stop-decision.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { answers, holdsNothing, isKeptApart, isLost, leavingOf, lostItsVolume, outdatedOf, shouldRun, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { assign } from "./plan-count.ts";
import { planRelease } from "./plan-release.ts";
import { candidatesFor, disturbed, isEnding, judgeLooks, type PlanMoment, wait, waitForCopies } from "./stop-moment.ts";
import { isWhole, uncounted } from "./wholeness.ts";

/** A node of which nothing runs, and which says nothing, is no more disturbed by being started anew after so long, milliseconds. */
export const stuckAfterMs = 300_000;

/** Within this a node that runs has opened its store, however large, and is ready or answers, milliseconds. */
export const startTakesMs = 1_800_000;

/** What is done to the node whose turn it is. restart: it comes back with its volume. */
export type Turn = { readonly node: ObservedNode; readonly purpose: StopPurpose; readonly why: string };

/** Whose turn it is, undefined where nobody is to be stopped. */
export function turnOf({ goal, observed, nowMs }: Pick<PlanMoment, "goal" | "observed" | "nowMs">): Turn | undefined {
  const leaving = observed.nodes.filter((node) => leavingOf(node) !== undefined || node.assigned.released === true);
  const order: readonly ((node: ObservedNode) => boolean)[] = [
    ({ assigned }) => assigned.released === true,
    (node) => holdsNothing(node),
    (node) => isLost(node, goal, nowMs),
    (node) => leavingOf(node) === "Asked",
    (node) => leavingOf(node) === "HostDrain",
    () => true,
  ];
  for (const first of order) {
    const node = leaving.find(first);
    if (node !== undefined) return { node, purpose: "removal", why: whyLeaving(node) };
  }
  const offline = observed.nodes.find((node) => node.desired === "Offline" && node.state.kind !== "down");
  if (offline !== undefined) return { node: offline, purpose: "restart", why: "it is to be offline" };
  return restartTurn(goal, observed.nodes);
}

function whyLeaving(node: ObservedNode): string {
  const reasons = {
    Asked: "it is to be drained",
    ScaleDown: "it is one too many",
    Update: "it is to be renewed",
    HostDrain: "its machine is being drained",
    Replaced: "it is replaced",
    Shrink: "its vaults are to declare less",
  };
  return reasons[leavingOf(node) ?? "ScaleDown"];
}

// The one already cordoned for it first, then zone by zone.
function restartTurn(goal: FarmGoal, nodes: readonly ObservedNode[]): Turn | undefined {
  const outdated = nodes.filter(
    (node) => stays(node) && shouldRun(node) && outdatedOf(node, goal) !== undefined && node.state.kind !== "down",
  );
  const begun = (node: ObservedNode): number => (node.state.kind === "stopping" || node.report?.admin === "cordoned" ? 0 : 1);
  const key = ({ zone, name }: ObservedNode): string => `${zone} ${name}`;
  const [node] = outdated.sort((a, b) => begun(a) - begun(b) || (key(a) < key(b) ? -1 : 1));
  return node === undefined ? undefined : { node, purpose: "restart", why: outdatedOf(node, goal) ?? "it is outdated" };
}

/** The next step of the turn. */
export function planTurn(turn: Turn, moment: PlanMoment): readonly FarmAction[] {
  const { node, purpose } = turn;
  if (node.assigned.released === true) return planRelease(node, moment);
  if (isEnding(node)) return [wait(node, "it is stopping")];
  if (purpose === "removal" && holdsNothing(node)) return planEmpty(node, moment);
  const others = disturbed(moment, node);
  if (others.length > 0 && isLost(node, moment.goal, moment.nowMs) && uncounted(moment.observed, moment.goal) !== undefined)
    return [waitForCopies(node, moment, "it is lost")];
  if (others.length > 0) return [wait(node, `${turn.why}, and ${others.join(", ")} must be ready first: one node at a time`)];
  const differing = turn.node.desired === "Offline" ? undefined : unlikeVersions(turn, moment);
  if (differing !== undefined) return [wait(node, `${turn.why}, and ${differing}`)];
  if (purpose === "removal" && isKeptApart(node)) return planApart(node, moment);
  if (node.report !== undefined) return planProof(turn, moment);
  return purpose === "removal" ? planLost(node, moment) : planStuck(turn, moment);
}

/**
 * Those started anew with the same settings have to report the same version before the next one is: one tag may be two images on
 * two machines, and a farm should not be brought to half of each. Undefined while they do, or it is about something else.
 */
function unlikeVersions({ node, purpose }: Turn, { goal, observed }: PlanMoment): string | undefined {
  if (purpose !== "restart" || node.runsWith === undefined || node.runsWith.template === goal.template) return undefined;
  const renewed = observed.nodes.filter((other) => other.runsWith?.template === goal.template && answers(other));
  const first = new Map<string, string>();
  for (const { name, report } of renewed) if (report?.version !== undefined && !first.has(report.version)) first.set(report.version, name);
  if (first.size < 2) return undefined;
  const told = [...first].map(([version, name]) => `${name} reports version ${version}`);
  return `those started anew differ (${told.join(", ")}): see that every machine has the same image, then raise spec.update.behaviourVersion again`;
}

// Nobody can check what a node holds that is kept apart. Another identity goes where a person has seen to it, who may have put
// the volume of another node there by mistake; the copies of the one before are counted as those of a lost node.
function planApart(node: ObservedNode, moment: PlanMoment): readonly FarmAction[] {
  if (node.formerPeerId === undefined)
    return [wait(node, "it is fenced, so nobody can check what it holds: with spec.desired Active it hands over and goes")];
  if (leavingOf(node) !== "Asked") return [wait(node, "its volume holds another identity; look at it, then delete the VaultNode")];
  return planByCount(node, moment, "its volume holds another identity");
}

// Nothing is lost with its record; but as long as that is there, everybody knows that copies are missing.
function planEmpty(node: ObservedNode, moment: PlanMoment): readonly FarmAction[] {
  return lostItsVolume(node) ? planByCount(node, moment, "its volume is gone") : [release(node, "it holds nothing")];
}

function planLost(node: ObservedNode, moment: PlanMoment): readonly FarmAction[] {
  if (!isLost(node, moment.goal, moment.nowMs)) return [wait(node, "it does not answer, so nothing of it is taken away")];
  return planByCount(node, moment, "it is lost");
}

// It can prove nothing itself: the others have all copies, or it stays.
function planByCount(node: ObservedNode, moment: PlanMoment, what: string): readonly FarmAction[] {
  const { goal, observed, nowMs } = moment;
  if (!isWhole(observed, goal, nowMs)) return [waitForCopies(node, moment, what)];
  return [release(node, `${what}, and every chunk has its copies elsewhere`)];
}

// Nothing can be proven of it. One that is neither ready nor answers serves nobody, and to start it anew may mend it: not before it had
// the time to open its store, and never for one look that brought no answer. What is not known is not long ago.
function planStuck({ node, why }: Turn, { nowMs }: PlanMoment): readonly FarmAction[] {
  const { name, state, hostState, runsNothing, silentSinceMs = nowMs } = node;
  if (hostState === "gone") return [wait(node, `${why}; its machine is gone, or does not answer`)];
  if (state.kind === "ready") return [wait(node, `${why}; it is ready and does not answer, so nothing can be proven of it`)];
  const untilMs = Math.max(state.sinceMs, silentSinceMs) + (runsNothing === true ? stuckAfterMs : startTakesMs);
  if (nowMs < untilMs) return [{ kind: "wait", name, untilMs, why: `${why}; it is not ready and does not answer` }];
  return [{ kind: "stop-node", name, why: `${why}, and it neither became ready nor answered` }];
}

function planProof(turn: Turn, moment: PlanMoment): readonly FarmAction[] {
  const { node, purpose, why } = turn;
  const { name, report, evidence } = node;
  const tooFew = nodesLeft(turn, moment);
  if (tooFew !== undefined) return [wait(node, tooFew)];
  const told = purpose === "removal" ? "draining" : "cordoned";
  if (report === undefined) return [wait(node, `${why}; it does not answer, so nothing of it is taken away`)];
  if (report.admin !== told && report.admin !== "fenced") return [wait(node, `${why}; first it is told that it is ${told}`)];
  const among = candidatesFor(node, moment.observed).map((other) => other.name);
  const prove = (keep: boolean, reason: string): readonly FarmAction[] => [{ kind: "prove-node", name, purpose, among, keep, why: reason }];
  if (evidence?.purpose !== purpose || evidence.first === undefined) return prove(false, evidence?.problem?.why ?? why);
  // Whoever went, came or was set apart since is not in what was proven.
  if (evidence.among.join() !== among.join()) return prove(false, `${why}; other nodes serve than when that was proven`);
  const { first, second } = evidence;
  const decision = judgeLooks({ node, purpose, first, second: second ?? first }, moment);
  if (decision.ok)
    return purpose === "removal"
      ? [release(node, "its copies are proven to exist elsewhere, twice")]
      : [{ kind: "stop-node", name, why: `${why}, and it may be stopped` }];
  if (decision.obstacle !== "too-soon") return prove(false, decision.why);
  const againMs = first.takenAtMs + stopPairsApartMs;
  if (moment.nowMs < againMs)
    return [{ kind: "wait", name, untilMs: againMs, why: `${why}; that its copies exist elsewhere is proven twice, half a minute apart` }];
  // A second look from before the half minute was over is of no use.
  return second !== undefined && second.takenAtMs >= againMs ? prove(false, decision.why) : prove(true, why);
}

// Said before anything is asked: without enough nodes no proof can be had.
function nodesLeft({ node, purpose, why }: Turn, { goal, observed }: PlanMoment): string | undefined {
  const left = candidatesFor(node, observed).length;
  const { min } = goal.copies;
  if (left >= min) return undefined;
  return `${why}; without it ${left} nodes would ${purpose === "removal" ? "be left" : "serve meanwhile"}, and copies.min is ${min}`;
}

function release(node: ObservedNode, why: string): FarmAction {
  return assign(node, { released: true }, why);
}

/**
 * Pods that nobody else may evict: all that should run, but for those given up while every chunk has its copies, and those that are
 * about to be stopped for as long as they are ready. A budget counts these as healthy, and would let another go in their place.
 */
export function guardedPods(goal: FarmGoal, observed: ObservedFarm, nowMs: number): number {
  const whole = isWhole(observed, goal, nowMs);
  const isReady = ({ state }: ObservedNode): boolean => state.kind === "ready";
  return observed.nodes.filter((node) => isReady(node) || (shouldRun(node) && !(whole && isLost(node, goal, nowMs)))).length;
}
