// The conditions of a farm at one look: all that the catalogue has, each with the facts that a person needs.
import { type ConditionNow, farmCondition } from "../api/conditions.ts";
import type { FarmAction } from "./actions.ts";
import type { FarmSeen } from "./farm-look.ts";
import { isKeptApart, serves, shouldRun, stays, wantedCapacity } from "./node-roles.ts";
import type { ObservedNode } from "./observed.ts";
import { wantedNodes } from "./plan-count.ts";
import { turnOf } from "./plan-stop.ts";
import { roundedBytes, roundedCount } from "./rounded.ts";
import { shrinkProblem } from "./shrink-room.ts";
import { countedElsewhere, heldBySilent } from "./wholeness.ts";

/** Percent in use at which capacity is called low, where autogrow does not say. */
const nearlyFullPercent = 85;

/** Nodes that started have found each other within this; one that takes longer should be looked at. Milliseconds. */
const meetingTakesMs = 60_000;

/** All conditions of a farm, each known or Unknown. */
export function farmConditionsOf(seen: FarmSeen): readonly ConditionNow[] {
  const accepted = acceptance(seen);
  const isAccepted = accepted.status === "True";
  return [
    readiness(seen, isAccepted),
    progress(seen, isAccepted),
    degradation(seen),
    dataAtRisk(seen),
    draining(seen),
    spareNode(seen),
    capacity(seen),
    spread(seen),
    joined(seen),
    gateway(seen),
    monitored(seen),
    accepted,
    update(seen),
    seen.goal.paused ? farmCondition("Paused", "PausedBySpec") : farmCondition("Paused", "NotPaused"),
  ];
}

function readiness({ goal, observed, gateways, refused, actions }: FarmSeen, isAccepted: boolean): ConditionNow {
  // One that is there for a while, for a change, is not missed.
  const { count, extra } = wantedNodes(goal, observed);
  const nodes = extra === undefined ? count : goal.nodes;
  if (observed.nodes.length === 0 && (refused !== undefined || nodes === 0) && goal.running) return farmCondition("Ready", "SpecRefused");
  if (!goal.running) return restOf(observed, actions);
  const ready = observed.nodes.filter((node) => serves(node) && stays(node)).length;
  const held = nameSome(observed.nodes.filter((node) => stays(node) && isHeld(node)).map(({ name }) => name));
  const idle = held === undefined ? "they are on their way" : `fenced or offline: ${held}`;
  if (ready < nodes) return farmCondition("Ready", "NodesNotReady", { ready, nodes, why: actions[0]?.why ?? idle });
  if (gateways.wanted > 0 && gateways.ready === 0) return farmCondition("Ready", "GatewaysNotReady");
  // Where `kubectl get` shows one word, it is the one that asks for something.
  return farmCondition("Ready", isAccepted ? "AllNodesReady" : "SpecNotCarriedOut", { nodes });
}

function restOf({ nodes }: FarmSeen["observed"], actions: readonly FarmAction[]): ConditionNow {
  const up = nodes.filter(({ state }) => state.kind !== "down").length;
  if (up === 0) return farmCondition("Ready", "Hibernating");
  return farmCondition("Ready", "GoingToSleep", { up, why: actions[0]?.why ?? "they are being stopped" });
}

function progress({ goal, actions, observed }: FarmSeen, isAccepted: boolean): ConditionNow {
  if (goal.paused) return farmCondition("Progressing", "Halted");
  const doing = actions.find(({ kind }) => kind !== "wait");
  if (doing !== undefined) return farmCondition("Progressing", "Working", { action: nameOf(doing), why: doing.why });
  // The last wait is that of the node whose turn it is, where there is one.
  const waiting = actions.at(-1);
  if (waiting !== undefined) return farmCondition("Progressing", "Waiting", { action: nameOf(waiting), why: waiting.why });
  // Nothing is planned for a node that comes up by itself, and the farm is not as wanted before it has.
  const late = goal.running ? observed.nodes.find((node) => stays(node) && !serves(node) && !isHeld(node)) : undefined;
  if (late !== undefined) return farmCondition("Progressing", "Waiting", { action: capital(late.name), why: "it is not ready" });
  return farmCondition("Progressing", isAccepted ? "Settled" : "SpecNotCarriedOut");
}

/** Whether a person wants it not to serve. */
function isHeld(node: ObservedNode): boolean {
  return isKeptApart(node) || node.desired === "Offline";
}

function nameOf(action: FarmAction): string {
  const who = "name" in action && action.name !== undefined ? action.name : "the farm";
  return action.kind === "wait" ? capital(who) : `${capital(action.kind.replace("-", " "))} (${who})`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function degradation({ observed, goal, refusedCall, unshown = [] }: FarmSeen): ConditionNow {
  const { nodes, strangers = [], foreign = [], held = [] } = observed;
  // Before all else: nothing of the rest is mended while it lasts.
  if (refusedCall !== undefined) return farmCondition("Degraded", "CallRefused", { why: refusedCall });
  const named = (wrong: (node: ObservedNode) => boolean): string | undefined => nameSome(nodes.filter(wrong).map(({ name }) => name));
  const changed = named(({ formerPeerId }) => formerPeerId !== undefined);
  if (changed !== undefined) return farmCondition("Degraded", "IdentityChanged", { nodes: changed });
  const noVolume = named(({ volume, peerId }) => peerId !== undefined && volume === "absent");
  if (noVolume !== undefined) return farmCondition("Degraded", "VolumeMissing", { nodes: noVolume });
  const hanging = nameSome(held);
  if (hanging !== undefined) return farmCondition("Degraded", "VolumeHeld", { claims: hanging });
  const going = named(({ volume, peerId }) => peerId !== undefined && volume === "terminating");
  if (going !== undefined) return farmCondition("Degraded", "VolumeBeingDeleted", { nodes: going });
  const missing = named((node) => shouldRun(node) && (node.awaySinceMs !== undefined || node.hostState === "gone"));
  if (missing !== undefined) return farmCondition("Degraded", "NodesMissing", { nodes: missing });
  const unwritten = nameSome(unshown.map(({ name }) => name));
  if (unwritten !== undefined) return farmCondition("Degraded", "StatusRefused", { nodes: unwritten, why: unshown[0]?.why ?? "" });
  const byHand = nodes.filter(stays).length > wantedNodes(goal, observed).count ? named((node) => node.byHand) : undefined;
  if (byHand !== undefined) return farmCondition("Degraded", "SurplusNodes", { nodes: byHand });
  const others = nameSome(foreign);
  if (others !== undefined) return farmCondition("Degraded", "ForeignObjects", { objects: others });
  const clash = nameSome(strangers);
  if (clash !== undefined) return farmCondition("Degraded", "SelectorClash", { pods: clash });
  const silent = goal.running && nodes.length > 0 && nodes.every(({ report }) => report === undefined);
  return silent ? farmCondition("Degraded", "NoAnswer") : farmCondition("Degraded", "AllWell");
}

/** At most three names, and how many more. */
function nameSome(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const more = names.length - 3;
  return more > 0 ? `${names.slice(0, 3).join(", ")} and ${more} more` : names.join(", ");
}

function dataAtRisk({ observed, goal }: FarmSeen): ConditionNow {
  const { copies } = observed;
  const { min } = goal.copies;
  if (copies === undefined) return farmCondition("DataAtRisk", "NotCounted");
  const silent = heldBySilent(observed, goal);
  if (copies.belowMin === 0 && silent !== undefined) return farmCondition("DataAtRisk", "HoldersSilent", { min, why: silent });
  const others = countedElsewhere(observed);
  if (copies.belowMin === 0 && others !== undefined) return farmCondition("DataAtRisk", "OthersUncounted", { min, why: others });
  if (copies.belowMin === 0) return farmCondition("DataAtRisk", "EnoughCopies", { min });
  return farmCondition("DataAtRisk", "BelowMin", { min, chunks: roundedCount(copies.belowMin) });
}

function draining(seen: FarmSeen): ConditionNow {
  const turn = turnOf(seen);
  if (turn === undefined || turn.purpose !== "removal") return farmCondition("Draining", "NoDrain");
  const { name, evidence, assigned } = turn.node;
  const short = evidence?.problem?.short;
  if (assigned.released === true || evidence?.first !== undefined) return farmCondition("Draining", "ProvingCopies", { node: name });
  if (short !== undefined && short > 0) return farmCondition("Draining", "HandingOver", { node: name, left: roundedCount(short) });
  const wait = seen.actions.findLast((action) => action.kind === "wait" && action.name === name);
  return wait === undefined
    ? farmCondition("Draining", "HandingOver", { node: name, left: "some" })
    : farmCondition("Draining", "Blocked", { node: name, why: wait.why });
}

function spareNode({ observed, goal }: FarmSeen): ConditionNow {
  const { min } = goal.copies;
  const nodes = observed.nodes.filter(stays).length;
  if (nodes > min) return farmCondition("NoSpareNode", "Spare", { min });
  return farmCondition("NoSpareNode", "ExactlyMin", { nodes, min, more: min + 1 });
}

function capacity({ observed, goal }: FarmSeen): ConditionNow {
  const told = observed.nodes.filter(({ report }) => report !== undefined);
  const declared = told.reduce((sum, { report }) => sum + (report?.declared ?? 0) * goal.vaultsPerNode, 0);
  if (declared === 0) return farmCondition("CapacityLow", "NotKnown");
  const used = roundedCount((100 * told.reduce((sum, { report }) => sum + (report?.used ?? 0), 0)) / declared);
  const growing = told.find((node) => wantedCapacity(node, goal) > (node.report?.declared ?? 0));
  if (growing !== undefined && goal.autogrow !== undefined)
    return farmCondition("CapacityLow", "Growing", { used, capacity: roundedBytes(wantedCapacity(growing, goal)) });
  if (used < (goal.autogrow?.whenUsedAbove ?? nearlyFullPercent)) return farmCondition("CapacityLow", "Enough", { used });
  return farmCondition("CapacityLow", goal.autogrow === undefined ? "NearlyFull" : "AtMaximum", { used });
}

function spread({ observed, goal, zoneKey }: FarmSeen): ConditionNow {
  const zones = goal.zones.length > 0 ? goal.zones : observed.zones;
  const staying = observed.nodes.filter(stays);
  if (zones.length === 0) return farmCondition("SpreadSatisfied", "NoZones", { key: zoneKey });
  const counts = new Map<string, number>();
  for (const { zone } of staying) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  const [zone, most] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
  const facts = { nodes: staying.length, zones: zones.length, most, zone };
  return farmCondition("SpreadSatisfied", most <= Math.ceil(staying.length / zones.length) ? "Spread" : "Uneven", facts);
}

function joined({ observed, goal, nowMs }: FarmSeen): ConditionNow {
  const running = observed.nodes.filter(({ report }) => report !== undefined);
  if (running.length === 0 || !goal.running) return farmCondition("NetworkJoined", "Asleep");
  const isLate = ({ state }: ObservedNode): boolean => nowMs - state.sinceMs >= meetingTakesMs;
  const apart = running.filter(({ report }) => report?.partitioned !== undefined);
  const partitioned = apart.find(isLate)?.report?.partitioned;
  if (partitioned !== undefined) return farmCondition("NetworkJoined", "Partitioned", { text: partitioned });
  const alone = running.length > 1 ? running.filter(({ report }) => report?.joined === false) : [];
  const late = nameSome(alone.filter(isLate).map(({ name }) => name));
  if (late !== undefined) return farmCondition("NetworkJoined", "Joining", { nodes: late });
  // Confirmed nodes that have just started see too few of each other at first, too.
  const meeting = nameSome([...new Set([...alone, ...apart])].map(({ name }) => name));
  if (meeting !== undefined) return farmCondition("NetworkJoined", "Meeting", { nodes: meeting });
  return farmCondition("NetworkJoined", "Joined", { nodes: running.length });
}

function gateway({ goal, gateways: { ready, wanted, outdated, unexposed } }: FarmSeen): ConditionNow {
  if (!goal.running) return farmCondition("GatewayReady", "Asleep");
  if (wanted === 0) return farmCondition("GatewayReady", "NoneWanted");
  if (ready === 0) return farmCondition("GatewayReady", "NoneReady", { wanted });
  if (unexposed === undefined && outdated > 0) return farmCondition("GatewayReady", "Renewing", { ready, outdated });
  if (unexposed === undefined) return farmCondition("GatewayReady", "Answering", { ready, wanted });
  return farmCondition("GatewayReady", unexposed.lacksKind ? "NoGatewayApi" : "NotExposed", {
    ready,
    wanted,
    kind: unexposed.kind,
    why: unexposed.why,
  });
}

function monitored({ monitoring }: FarmSeen): ConditionNow {
  if (monitoring === undefined) return farmCondition("MonitoringReady", "NoneWanted");
  const { name, state } = monitoring;
  if (state === "made") return farmCondition("MonitoringReady", "Announced", { name });
  if (state === "not-looked-at") return farmCondition("MonitoringReady", "Halted", { name });
  return farmCondition("MonitoringReady", state.lacksKind ? "NoPrometheusOperator" : "NotAnnounced", { name, why: state.why });
}

function acceptance({ refused, goal, observed }: FarmSeen): ConditionNow {
  if (refused !== undefined) {
    const problems = refused.problems.map(({ message }) => message).join("; ");
    return farmCondition("SpecAccepted", refused.reason, { problems });
  }
  if (!goal.running) return farmCondition("SpecAccepted", "Accepted");
  const { min } = goal.copies;
  const unfit = shrinkProblem(goal, observed.nodes);
  if (unfit !== undefined) return farmCondition("SpecAccepted", "StoredDoesNotFit", { problems: unfit });
  if (wantedNodes(goal, observed).refused === undefined) return farmCondition("SpecAccepted", "Accepted");
  const problems = `spec.replicas: ${goal.nodes} nodes cannot hold ${min} copies; set it to ${min} or more`;
  return farmCondition("SpecAccepted", "FewerNodesThanCopies", { problems });
}

function update({ images: { runs, offered } }: FarmSeen): ConditionNow {
  if (runs.image === offered) return farmCondition("UpdateAvailable", "SameImage");
  return farmCondition("UpdateAvailable", "OtherImage", { image: runs.image, offered, next: runs.behaviourVersion + 1 });
}
