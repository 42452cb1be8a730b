// Members that exist: started when they do not run, told what is wanted of them, granted, introduced to others.
import type { FarmAction } from "./actions.ts";
import type { FarmGoal } from "./goal.ts";
import { isKeptApart, personsState, shouldRun, stays, stricter } from "./node-roles.ts";
import type { DownState, MemberState, ObservedFarm, ObservedGateway, ObservedNode } from "./observed.ts";
import type { Turn } from "./plan-stop.ts";
import { restartDelayMs } from "./restart-delay.ts";

/** Peers that a member is told of: enough that some answer, few enough that telling stays cheap. Gossip brings the rest. */
export const peersToldMax = 8;

/** The nodes that member `name` is told of, out of all whose addresses are `known`. */
export function peersToTell(name: string, known: readonly string[]): readonly string[] {
  return known.filter((peer) => peer !== name).slice(0, peersToldMax);
}

type Moment = { readonly goal: FarmGoal; readonly known: readonly string[]; readonly nowMs: number };

/** What is to be done with each member that stays or still runs. `turn`: the node that is to be stopped next. */
export function planMembers(goal: FarmGoal, observed: ObservedFarm, nowMs: number, turn?: Turn): readonly FarmAction[] {
  const known = observed.nodes.filter((node) => node.addressed && shouldRun(node)).map(({ name }) => name);
  const moment = { goal, known, nowMs };
  return [
    ...observed.nodes.filter(isMember).flatMap((node) => planNode(node, moment, turn)),
    ...observed.gateways.flatMap((gateway, i) => planGateway(gateway, i < goal.gateways, moment)),
  ];
}

// One that is to be offline is a member for as long as it runs.
function isMember(node: ObservedNode): boolean {
  return shouldRun(node) || (node.assigned.released !== true && node.state.kind !== "down");
}

function planNode(node: ObservedNode, moment: Moment, turn?: Turn): readonly FarmAction[] {
  const { name, state, peerId } = node;
  if (state.kind === "down") return planDown(node, state, moment);
  if (state.kind === "stopping") return [{ kind: "wait", name, why: "it is stopping" }];
  if (node.hostState === "gone") return [{ kind: "wait", name, why: "its machine is gone, or does not answer" }];
  if (peerId === undefined) return [{ kind: "wait", name, why: "its identity is not known yet" }];
  if (!node.addressed) return [{ kind: "wait", name, why: "it has no address yet" }];
  const actions: FarmAction[] = [...planCommand(node, turn)];
  if (!node.granted && !isKeptApart(node))
    actions.push({ kind: "grant-node", name, peerId, why: "without a grant it may not store copies" });
  const peers = peersToTell(name, moment.known);
  if (!peers.every((peer) => node.peersTold.includes(peer)))
    actions.push({ kind: "tell-peers", name, peers, why: "it was not told of all nodes it can begin with" });
  if (state.kind === "starting") actions.push({ kind: "wait", name, why: "it is not ready yet" });
  return actions;
}

// A volume that goes, or is gone, is not used again; one that may be somebody else's is not touched.
function planDown(node: ObservedNode, state: DownState, moment: Moment): readonly FarmAction[] {
  if (node.volume === "terminating") return [{ kind: "wait", name: node.name, why: "its volume is being deleted" }];
  if (node.volume === "foreign") return [{ kind: "wait", name: node.name, why: "nothing says that the claim of its name was made for it" }];
  if (node.volume === "absent" && node.peerId !== undefined) return [];
  return planStart("start-node", node.name, state, moment);
}

// The stricter of what a person and the plan want; a node that does not answer cannot be told.
function planCommand(node: ObservedNode, turn?: Turn): readonly FarmAction[] {
  if (node.report === undefined) return [];
  const state = stricter(personsState(node), plansState(node, turn));
  if (node.report.admin === state) return [];
  return [{ kind: "command-node", name: node.name, state, why: turn?.node.name === node.name ? turn.why : `it is to be ${state}` }];
}

// All that leave hand over at once, and go one by one: one that kept its chunks meanwhile would count as one that stays.
function plansState(node: ObservedNode, turn?: Turn): "active" | "cordoned" | "draining" {
  if (!stays(node)) return "draining";
  return turn?.node.name === node.name ? "cordoned" : "active";
}

function planGateway(gateway: ObservedGateway, wanted: boolean, moment: Moment): readonly FarmAction[] {
  const { name, state } = gateway;
  if (state.kind === "stopping") return [{ kind: "wait", name, why: "it is stopping" }];
  // A gateway keeps nothing but a cache: one too many goes for good, where a node would first have to be drained.
  if (!wanted) return [{ kind: state.kind === "down" ? "remove-gateway" : "stop-gateway", name, why: "fewer gateways are wanted" }];
  if (state.kind === "starting") return [{ kind: "wait", name, why: "it is not ready yet" }];
  if (state.kind !== "down") return [];
  if (moment.known.length === 0) return [{ kind: "wait", name, why: "no node has an address yet that it could begin with" }];
  return planStart("start-gateway", name, state, moment);
}

function planStart(kind: "start-node" | "start-gateway", name: string, state: DownState, { goal, nowMs }: Moment): readonly FarmAction[] {
  if (state.failures === 0) return [{ kind, name, why: "it is wanted and does not run" }];
  if (!goal.restart) return [];
  const untilMs = state.sinceMs + restartDelayMs(state.failures);
  if (nowMs < untilMs) return [{ kind: "wait", name, untilMs, why: `it ended ${state.failures} times in a row` }];
  return [{ kind, name, why: state.failures === 1 ? "it ended" : `it ended ${state.failures} times in a row` }];
}

/** Nodes whose pod alone keeps a claim from going that was deleted: to stop them deletes what they hold. One that was released handed over. */
export function runOnDoomed({ nodes }: ObservedFarm): readonly ObservedNode[] {
  const runs = ({ state }: ObservedNode): boolean => state.kind === "ready" || state.kind === "starting";
  return nodes.filter((node) => node.volume === "terminating" && runs(node));
}

/** Stops all: gateways first, so that no request meets nodes that are going. */
export function planStop({ nodes, gateways }: ObservedFarm): readonly FarmAction[] {
  const up = ({ state }: { state: MemberState }): boolean => state.kind !== "down";
  const stop = (kind: "stop-node" | "stop-gateway", { name, state }: { name: string; state: MemberState }): FarmAction =>
    state.kind === "stopping" ? { kind: "wait", name, why: "it is stopping" } : { kind, name, why: "the farm is to stop" };
  const first = gateways.filter(up).map((gateway) => stop("stop-gateway", gateway));
  return first.length > 0 ? first : nodes.filter(up).map((node) => stop("stop-node", node));
}
