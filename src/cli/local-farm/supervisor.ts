// Keeps a local farm as the plan wants it: looks, plans, acts, and waits for the next change. The decisions are the
// plan's alone; here they become processes, files and signed commands.

import { createNodeCommander, type NodeCommander } from "../../operator/node-access/node-commander.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { type FarmGoal, goalOf } from "../../operator/vault-farm/goal.ts";
import type { ObservedNode } from "../../operator/vault-farm/observed.ts";
import { farmIsReady, planFarm } from "../../operator/vault-farm/plan.ts";
import type { Clock } from "../../runtime/clock.ts";
import { createFarmBook, type FarmBook } from "./farm-book.ts";
import type { FarmState } from "./farm-state.ts";
import { foundMembership } from "./first-certificate.ts";
import { createLocalMembers, type LocalMembers } from "./local-members.ts";
import { localPlace } from "./member-health.ts";
import { placeGateway, placeNode } from "./member-places.ts";
import { nodeAddressOf } from "./member-settings.ts";
import type { MemberStarterParts } from "./member-starter.ts";
import { scaledSpec } from "./scale-wish.ts";

export type SupervisorParts = MemberStarterParts & {
  readonly state: FarmState;
  /** Whether a member that died is started again. */
  readonly restart: boolean;
  readonly clock: Clock;
  /** Called after each look, with what was seen and what was decided. */
  readonly onLook: (look: FarmLook) => void;
};

/** A member as it is seen. */
export type MemberSeen = Pick<ObservedNode, "name" | "state">;

/** One turn of the loop. */
export type FarmLook = {
  readonly goal: Pick<FarmGoal, "nodes" | "gateways" | "running" | "restart">;
  readonly observed: { readonly nodes: readonly MemberSeen[]; readonly gateways: readonly MemberSeen[] };
  readonly actions: readonly FarmAction[];
  readonly ready: boolean;
  readonly state: FarmState;
};

/** Between looks while something is under way, and while all is well, milliseconds. */
const busyMs = 150;
const calmMs = 5000;

/** Runs the farm until `stop` is aborted and every member has stopped. */
export async function superviseFarm(parts: SupervisorParts, stop: AbortSignal): Promise<void> {
  const { clock, spec } = parts;
  const wake = createWake(clock);
  const book = createFarmBook(parts.state);
  const members = createLocalMembers({ ...parts, onChange: wake.now }, book);
  const commander = createNodeCommander(parts.keys, parts);
  stop.addEventListener("abort", wake.now, { once: true });
  let founded = false;
  for (;;) {
    const scaled = await scaledSpec(parts.folder, spec);
    const goal = goalOf(scaled, { gateways: spec.gateway.replicas, running: !stop.aborted, restart: parts.restart, paused: false });
    const observed = { ...(await members.observe()), founded };
    const actions = planFarm(goal, observed, clock.monotonicMs());
    await carryOut(actions, { parts, book, members, commander });
    await members.record();
    const ready = farmIsReady(goal, observed);
    if (actions.some(({ kind }) => kind === "found-network")) founded = await foundMembership({ ...parts, commander }, book.state().nodes);
    parts.onLook({ goal, observed, actions, ready, state: book.state() });
    if (!goal.running && actions.length === 0) return;
    await wake.after(pause(actions, clock.monotonicMs()));
  }
}

/** Milliseconds until the next look: at once after something was made, soon while something is under way. Pure. */
export function pause(actions: readonly FarmAction[], nowMs: number): number {
  if (actions.some(({ kind }) => kind === "create-node" || kind === "create-gateway")) return 0;
  // A first certificate that no node takes yet is offered again at leisure: nothing waits for it.
  const pressing = actions.filter(({ kind }) => kind !== "found-network");
  const untils = pressing.map((action) => (action.kind === "wait" && action.untilMs !== undefined ? action.untilMs - nowMs : busyMs));
  return Math.max(0, Math.min(calmMs, ...untils));
}

type Hands = {
  readonly parts: SupervisorParts;
  readonly book: FarmBook;
  readonly members: LocalMembers;
  readonly commander: NodeCommander;
};

async function carryOut(actions: readonly FarmAction[], hands: Hands): Promise<void> {
  const commands: Promise<void>[] = [];
  for (const action of actions) {
    if (action.kind === "grant-node" || action.kind === "tell-peers") commands.push(command(action, hands));
    else await act(action, hands);
  }
  await Promise.all(commands);
}

type Command = FarmAction & { readonly kind: "grant-node" | "tell-peers" };

async function act(action: Exclude<FarmAction, Command>, { parts, book, members }: Hands): Promise<void> {
  const { random, port } = parts;
  switch (action.kind) {
    case "create-node":
      return book.addNode(await placeNode(book.state(), action.zone, random));
    case "create-gateway":
      return book.addGateway(await placeGateway(book.state(), random, port));
    case "start-node":
      return members.startNode(action.name);
    case "start-gateway":
      return members.startGateway(action.name);
    case "stop-node":
    case "stop-gateway":
      return members.stop(action.name);
    case "remove-gateway":
      return members.removeGateway(action.name);
    // founded by the loop itself; the rest takes nodes away or tells them so, which a local farm's manifest is refused for.
    case "found-network":
    case "command-node":
    case "assign-node":
    case "grow-volume":
    case "prove-node":
    case "remove-node":
    case "wait":
      return;
  }
}

// A command that fails stays in the plan and is tried again at the next look.
async function command(action: Command, { book, members, commander }: Hands): Promise<void> {
  const node = book.node(action.name);
  if (node?.peerId === undefined) return;
  if (action.kind === "grant-node") {
    if ((await commander.grant(localPlace(node.ports.admin, action.peerId))).ok) book.changeNode(action.name, { granted: true });
    return;
  }
  const peers = action.peers.flatMap((name) => book.node(name) ?? []).map(nodeAddressOf);
  if ((await commander.tellPeers(localPlace(node.ports.admin, node.peerId), peers)).ok) members.noteTold(action.name, action.peers);
}

type Wake = { now(): void; after(delayMs: number): Promise<void> };

// One sleeper at a time; a wake while nobody sleeps is remembered for the next sleep.
function createWake(clock: Clock): Wake {
  let woken = false;
  let resolveSleep = (): void => {};
  const now = (): void => {
    woken = true;
    resolveSleep();
  };
  const after = async (delayMs: number): Promise<void> => {
    const rest = new AbortController();
    const called = new Promise<void>((resolve) => {
      resolveSleep = resolve;
    });
    if (!woken) await Promise.race([clock.sleep(delayMs, rest.signal).catch(() => {}), called]);
    rest.abort();
    woken = false;
  };
  return { now, after };
}
