// What a farm should do next: from what is wanted and what is seen to a list of actions, each with its reason. Pure: the
// local farm carries the actions out as processes, a cluster's operator will as pods.
import type { PeerId } from "../../protocol/peer-id.ts";
import { restartDelayMs } from "./restart-delay.ts";

/** What is wanted. `restart`: whether a member that died is started again. */
export type FarmGoal = { readonly nodes: number; readonly gateways: number; readonly running: boolean; readonly restart: boolean };

/** A process as it is seen. `failures` in a row: ends that nobody asked for; `sinceMs` by the clock of `now`. */
export type MemberState = Down | { readonly kind: "starting" | "ready" | "stopping"; readonly sinceMs: number };
type Down = { readonly kind: "down"; readonly failures: number; readonly sinceMs: number };

/** A node that exists (its volume does). `peerId` is known once it ran; `addressed`: others can be told where it listens; `peersTold`: the nodes it was told of, at its start or since. */
export type ObservedNode = {
  readonly name: string;
  readonly state: MemberState;
  readonly peerId?: PeerId;
  readonly addressed: boolean;
  readonly granted: boolean;
  readonly peersTold: readonly string[];
};
export type ObservedGateway = { readonly name: string; readonly state: MemberState };
export type ObservedFarm = { readonly nodes: readonly ObservedNode[]; readonly gateways: readonly ObservedGateway[] };

export type FarmAction =
  | { readonly kind: "create-node" | "create-gateway"; readonly why: string }
  | {
      readonly kind: "start-node" | "start-gateway" | "stop-node" | "stop-gateway" | "remove-gateway";
      readonly name: string;
      readonly why: string;
    }
  | { readonly kind: "grant-node"; readonly name: string; readonly peerId: PeerId; readonly why: string }
  | { readonly kind: "tell-peers"; readonly name: string; readonly peers: readonly string[]; readonly why: string }
  | { readonly kind: "wait"; readonly name: string; readonly untilMs?: number; readonly why: string };

/** Peers that a member is told of: enough that some answer, few enough that telling stays cheap. Gossip brings the rest. */
export const peersToldMax = 8;

/** The actions that bring `observed` nearer to `goal` at `nowMs`, most urgent first; none once everything is as wanted. */
export function planFarm(goal: FarmGoal, observed: ObservedFarm, nowMs: number): readonly FarmAction[] {
  if (!goal.running) return planStop(observed);
  const known = observed.nodes.filter(({ addressed }) => addressed).map(({ name }) => name);
  return [
    ...missing("create-node", goal.nodes - observed.nodes.length),
    ...missing("create-gateway", goal.gateways - observed.gateways.length),
    ...observed.nodes.flatMap((node) => planNode(node, known, goal, nowMs)),
    ...observed.gateways.flatMap((gateway, i) => planGateway(gateway, i < goal.gateways, { known, goal, nowMs })),
  ];
}

/** The nodes that member `name` is told of, out of all whose addresses are `known`. */
export function peersToTell(name: string, known: readonly string[]): readonly string[] {
  return known.filter((peer) => peer !== name).slice(0, peersToldMax);
}

/** Whether the plan is carried out: nothing left to do, and every wanted member ready. */
export function farmIsReady(goal: FarmGoal, observed: ObservedFarm): boolean {
  const readyNodes = observed.nodes.filter((node) => node.state.kind === "ready" && node.granted).length;
  const readyGateways = observed.gateways.filter(({ state }) => state.kind === "ready").length;
  return readyNodes >= goal.nodes && readyGateways >= goal.gateways;
}

function missing(kind: "create-node" | "create-gateway", count: number): readonly FarmAction[] {
  const what = kind === "create-node" ? "nodes" : "gateways";
  return Array.from({ length: Math.max(0, count) }, () => ({ kind, why: `${count} more ${what} wanted than there are` }));
}

function planNode(node: ObservedNode, known: readonly string[], goal: FarmGoal, nowMs: number): readonly FarmAction[] {
  const { name, state, peerId } = node;
  if (state.kind === "down") return planStart("start-node", name, state, { goal, nowMs });
  if (state.kind === "stopping") return [{ kind: "wait", name, why: "it is stopping" }];
  if (peerId === undefined) return [{ kind: "wait", name, why: "its identity is not known yet" }];
  const actions: FarmAction[] = [];
  if (!node.granted) actions.push({ kind: "grant-node", name, peerId, why: "without a grant it may not store copies" });
  const peers = peersToTell(name, known);
  if (!peers.every((peer) => node.peersTold.includes(peer)))
    actions.push({ kind: "tell-peers", name, peers, why: "it was not told of all nodes it can begin with" });
  if (state.kind === "starting") actions.push({ kind: "wait", name, why: "it is not ready yet" });
  return actions;
}

type Moment = { readonly goal: FarmGoal; readonly nowMs: number };

function planGateway(gateway: ObservedGateway, wanted: boolean, moment: Moment & { known: readonly string[] }): readonly FarmAction[] {
  const { name, state } = gateway;
  if (state.kind === "stopping") return [{ kind: "wait", name, why: "it is stopping" }];
  // A gateway keeps nothing but a cache: one too many goes for good, where a node would first have to be drained.
  if (!wanted) return [{ kind: state.kind === "down" ? "remove-gateway" : "stop-gateway", name, why: "fewer gateways are wanted" }];
  if (state.kind === "starting") return [{ kind: "wait", name, why: "it is not ready yet" }];
  if (state.kind !== "down") return [];
  if (moment.known.length === 0) return [{ kind: "wait", name, why: "no node has an address yet that it could begin with" }];
  return planStart("start-gateway", name, state, moment);
}

function planStart(kind: "start-node" | "start-gateway", name: string, state: Down, { goal, nowMs }: Moment): readonly FarmAction[] {
  if (state.failures === 0) return [{ kind, name, why: "it is wanted and does not run" }];
  if (!goal.restart) return [];
  const untilMs = state.sinceMs + restartDelayMs(state.failures);
  if (nowMs < untilMs) return [{ kind: "wait", name, untilMs, why: `it ended ${state.failures} times in a row` }];
  return [{ kind, name, why: state.failures === 1 ? "it ended" : `it ended ${state.failures} times in a row` }];
}

// Gateways first, so that no request meets nodes that are going.
function planStop({ nodes, gateways }: ObservedFarm): readonly FarmAction[] {
  const up = ({ state }: { state: MemberState }): boolean => state.kind !== "down";
  const stop = (kind: "stop-node" | "stop-gateway", { name, state }: { name: string; state: MemberState }): FarmAction =>
    state.kind === "stopping" ? { kind: "wait", name, why: "it is stopping" } : { kind, name, why: "the farm is to stop" };
  const first = gateways.filter(up).map((gateway) => stop("stop-gateway", gateway));
  return first.length > 0 ? first : nodes.filter(up).map((node) => stop("stop-node", node));
}
