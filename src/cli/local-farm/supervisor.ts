// Keeps a local farm as the plan wants it: looks, plans, acts, and waits for the next change. The decisions are the
// plan's alone; here they become processes, files and signed commands.

import { createNodeCommander } from "../../operator/node-access/node-commander.ts";
import type { FarmAction } from "../../operator/vault-farm/actions.ts";
import { type FarmGoal, goalOf } from "../../operator/vault-farm/goal.ts";
import type { ObservedNode } from "../../operator/vault-farm/observed.ts";
import { farmIsReady, planFarm } from "../../operator/vault-farm/plan.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isSystemError, type SystemError } from "../system-error.ts";
import { createFarmBook } from "./farm-book.ts";
import type { FarmState } from "./farm-state.ts";
import { foundMembership } from "./first-certificate.ts";
import { createPlanWriter } from "./leaving-plan.ts";
import { carryOut } from "./local-hands.ts";
import { createLocalMembers } from "./local-members.ts";
import type { MemberStarterParts } from "./member-starter.ts";
import { scaledSpec } from "./scale-wish.ts";

export type SupervisorParts = MemberStarterParts & {
  readonly state: FarmState;
  /** Whether a member that died is started again. */
  readonly restart: boolean;
  readonly clock: Clock;
  /** Called after each look, with what was seen and what was decided. */
  readonly onLook: (look: FarmLook) => void;
  /** Called with what a person should know beside that, in a sentence. */
  readonly onNews: (sentence: string) => void;
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

/** Between looks while something is under way, while only a proof is missing that a node may go, and while all is well, milliseconds. */
const busyMs = 150;
const provingMs = 2000;
const calmMs = 5000;
/** Until what the system refused is tried again, milliseconds. */
const refusedMs = 2000;

/**
 * Runs the farm until `stop` is aborted and every member has stopped. Rejects with what makes the first turn fail; later a disk
 * that is full, or a file that may not be read, is told and tried again: the members that run are not to end for it. What was still
 * refused when all had stopped, as where the folder is gone, rejects then.
 */
export async function superviseFarm(parts: SupervisorParts, stop: AbortSignal): Promise<void> {
  const { clock } = parts;
  const wake = createWake(clock);
  const book = createFarmBook(parts.state);
  const members = createLocalMembers({ ...parts, onChange: wake.now }, book);
  const commander = createNodeCommander(parts.keys, parts);
  stop.addEventListener("abort", wake.now, { once: true });
  const writePlan = createPlanWriter(parts.folder);
  const [readWish, takeTurn] = [createBearer(parts), createBearer(parts)];
  let founded = false;
  let scaled = parts.spec;
  for (;;) {
    await readWish(async () => {
      scaled = await scaledSpec(parts.folder, parts.spec);
    });
    const goal = goalFrom(scaled, parts, !stop.aborted);
    const observed = { ...(await members.observe()), founded };
    const actions = planFarm(goal, observed, clock.monotonicMs());
    const refused = await takeTurn(async () => {
      await carryOut(actions, { parts, book, members, commander });
      await members.record();
      await writePlan(actions, book.state());
      if (actions.some(({ kind }) => kind === "found-network"))
        founded = await foundMembership({ ...parts, commander }, book.state().nodes);
    });
    parts.onLook({ goal, observed, actions, ready: farmIsReady(goal, observed), state: book.state() });
    if (!goal.running && actions.length === 0) {
      if (refused === undefined) return;
      throw refused;
    }
    await wake.after(refused === undefined ? pause(actions, clock.monotonicMs()) : refusedMs);
  }
}

type Bearer = (action: () => Promise<void>) => Promise<SystemError | undefined>;

/**
 * Does something again and again, and returns what the system refused, if it did; that is told once until it is done. Rejects where
 * the first time fails, and with any other error.
 */
export function createBearer({ onNews }: Pick<SupervisorParts, "onNews">): Bearer {
  let hasBegun = false;
  let told = "";
  return async (action) => {
    try {
      await action();
    } catch (error) {
      if (!hasBegun || !isSystemError(error)) throw error;
      if (error.message !== told) onNews(`the system refuses something, which is tried again: ${error.message}`);
      told = error.message;
      return error;
    }
    hasBegun = true;
    told = "";
    return undefined;
  };
}

// What vaults declare grows by the manifest alone: the folders of nodes have no size that could be reached.
function goalFrom(scaled: SupervisorParts["spec"], { spec, restart }: SupervisorParts, running: boolean): FarmGoal {
  const { autogrow: _, ...goal } = goalOf(scaled, { gateways: spec.gateway.replicas, running, restart, paused: false });
  return goal;
}

/** Milliseconds until the next look: at once after something was made, soon while something is under way. Pure. */
export function pause(actions: readonly FarmAction[], nowMs: number): number {
  if (actions.some(({ kind }) => kind === "create-node" || kind === "create-gateway")) return 0;
  // A first certificate that no node takes yet is offered again at leisure: nothing waits for it.
  const pressing = actions.filter(({ kind }) => kind !== "found-network");
  const untils = pressing.map((action) => {
    if (action.kind === "prove-node") return provingMs;
    return action.kind === "wait" && action.untilMs !== undefined ? action.untilMs - nowMs : busyMs;
  });
  return Math.max(0, Math.min(calmMs, ...untils));
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
