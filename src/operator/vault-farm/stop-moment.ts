// What the plan asks at one look before a node is stopped: who else is disturbed, among which nodes it is proven that nothing is
// missing without it, and what the looks show that were taken.
import type { StopPurpose } from "../../protocol/safe-to-stop.ts";
import { mayBeStopped, type StopDecision, type StopPair, type StopQuestion } from "../../protocol/stop-decision.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { answers, holdsNothing, isLost, shouldRun, stays } from "./node-roles.ts";
import type { ObservedFarm, ObservedNode } from "./observed.ts";
import { isWhole, uncounted } from "./wholeness.ts";

/** Decides from two looks whether a node may be stopped: the protocol's decision. */
export type StopDecider = (question: StopQuestion) => StopDecision;

/** What the plan works with at one look. */
export type PlanMoment = { readonly goal: FarmGoal; readonly observed: ObservedFarm; readonly nowMs: number; readonly decide: StopDecider };

/** The decision of the protocol, for who does not say otherwise. */
export const decideByProof: StopDecider = mayBeStopped;

/** Nodes other than `node` that should run and do not serve; lost ones count only while copies are missing. */
export function disturbed({ goal, observed, nowMs }: PlanMoment, node: ObservedNode): readonly string[] {
  const whole = isWhole(observed, goal, nowMs);
  const counts = (other: ObservedNode): boolean =>
    other.name !== node.name && shouldRun(other) && other.desired !== "Fenced" && !answers(other);
  return observed.nodes
    .filter((other) => counts(other) && !(whole && (isLost(other, goal, nowMs) || holdsNothing(other))))
    .map(({ name }) => name);
}

/** Whether it stops, and will have: on a machine that is gone nothing ends by itself. */
export function isEnding({ state, hostState }: ObservedNode): boolean {
  return state.kind === "stopping" && hostState !== "gone";
}

/** Those that serve and stay without it, in an order that does not depend on how they were listed. */
export function candidatesFor(node: ObservedNode, { nodes }: ObservedFarm): readonly ObservedNode[] {
  const others = nodes.filter((other) => other.name !== node.name && stays(other) && other.handsOver !== true && answers(other));
  return others.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What is asked of the looks at a node, oldest first. */
export type LooksAt = { readonly node: ObservedNode; readonly purpose: StopPurpose; readonly first: StopPair; readonly second: StopPair };

/** What the two looks show among those that serve now. */
export function judgeLooks({ node, purpose, first, second }: LooksAt, { goal, observed, nowMs, decide }: PlanMoment): StopDecision {
  const { peerId } = node;
  const { networkId } = observed;
  if (peerId === undefined || networkId === undefined) return { ok: false, obstacle: "bad-statement", why: "its identity is not known" };
  const candidates = candidatesFor(node, observed).flatMap((other) =>
    other.peerId === undefined ? [] : [{ peerId: other.peerId, host: other.host }],
  );
  return decide({ networkId, copies: goal.copies, node: { peerId, host: node.host }, purpose, candidates, first, second, nowMs });
}

/** That it waits for copies to be made, or why nobody knows of them. */
export function waitForCopies(node: ObservedNode, { goal, observed }: PlanMoment, what: string): FarmAction {
  const { live = 0 } = observed.others ?? {};
  const others = live === 0 ? "" : ` (${live} of the nodes that count them ${live === 1 ? "is" : "are"} not this farm's)`;
  return wait(node, `${what}; ${uncounted(observed, goal) ?? `its copies are being made elsewhere${others}`}`);
}

/** That nothing is done to the node, and why. */
export function wait({ name }: ObservedNode, why: string): FarmAction {
  return { kind: "wait", name, why };
}
