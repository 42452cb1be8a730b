// What a person sees while a farm starts, runs and stops: a bar until all is ready, then only what is worth knowing, and a
// bar until all has ended. Also decides when a start has failed: a member that keeps ending, or a farm that is not ready in time.
import type { MemberState } from "../operator/vault-farm/observed.ts";
import { restartDelayMs } from "../operator/vault-farm/restart-delay.ts";
import type { Clock } from "../runtime/clock.ts";
import type { FarmState } from "./local-farm/farm-state.ts";
import type { FarmLook } from "./local-farm/supervisor.ts";
import type { Bar, Output } from "./output.ts";

export type StartReport = { look(look: FarmLook): void; end(): Promise<void> };

/** Why a start has failed, and the log in which to look. */
export type StartFailure = { readonly message: string; readonly log: string };

export type StartReportParts = {
  readonly output: Output;
  readonly clock: Clock;
  readonly logOf: (kind: "node" | "gateway", name: string) => string;
  readonly giveUp: (failure: StartFailure) => void;
  readonly onReady: (state: FarmState) => Promise<void>;
};

/** A first start that takes longer has something in its way; large stores need a while to be opened. */
const readyWithinMs = 180_000;
/** A member that ended this often before the farm was ever ready will not come up by itself. */
const endsMax = 3;

type Member = { readonly kind: "node" | "gateway"; readonly name: string; readonly state: MemberState };

/** A report of one run of a farm. */
export function createStartReport(parts: StartReportParts): StartReport {
  const { output, clock } = parts;
  const beganMs = clock.monotonicMs();
  const lastSeen = new Map<string, MemberState["kind"]>();
  const ended = new Set<string>();
  let bar: Bar | undefined;
  let ready = false;
  let stopping: { readonly of: number; readonly bar: Bar } | undefined;
  let greeting = Promise.resolve();
  const showStop = (left: number): void => {
    if (stopping === undefined) {
      bar?.stop();
      stopping = { of: left, bar: output.bar({ format: "stopping {bar} {value} of {total} processes have ended", total: left }) };
    }
    stopping.bar.set(stopping.of - left);
  };
  const look = (now: FarmLook): void => {
    const members = membersOf(now);
    for (const member of members) {
      noteChange(parts, member, { before: lastSeen.get(member.name), restart: now.goal.restart, ended });
      lastSeen.set(member.name, member.state.kind);
    }
    if (!now.goal.running) return showStop(members.filter(({ state }) => state.kind !== "down").length);
    if (ready) return;
    const total = now.goal.nodes + now.goal.gateways;
    bar ??= output.bar({ format: "starting {bar} {value} of {total} processes ready", total });
    bar.set(members.filter(({ state }) => state.kind === "ready").length);
    if (now.ready) {
      ready = true;
      bar.stop();
      greeting = parts.onReady(now.state);
      return;
    }
    const failed = startFailure(members, clock.monotonicMs() - beganMs, parts.logOf);
    if (failed !== undefined) parts.giveUp(failed);
  };
  return {
    look,
    end: async () => {
      for (const drawn of [bar, stopping?.bar]) drawn?.stop();
      await greeting;
    },
  };
}

function membersOf({ observed }: FarmLook): readonly Member[] {
  return [
    ...observed.nodes.map(({ name, state }) => ({ kind: "node" as const, name, state })),
    ...observed.gateways.map(({ name, state }) => ({ kind: "gateway" as const, name, state })),
  ];
}

type Change = { readonly before: MemberState["kind"] | undefined; readonly restart: boolean; readonly ended: Set<string> };

// Says that a member ended unasked and what follows from it, and when it is back.
function noteChange({ output, logOf }: StartReportParts, { kind, name, state }: Member, { before, restart, ended }: Change): void {
  if (state.kind === "ready" && ended.delete(name)) output.note(`${kind} ${name} is back`);
  if (state.kind !== "down" || state.failures === 0 || before === undefined || before === "down") return;
  ended.add(name);
  const delayMs = restartDelayMs(state.failures);
  const when = delayMs === 0 ? "at once" : `in ${delayMs / 1000} s`;
  const next = restart ? `it is started again ${when}` : "it stays down (--no-restart)";
  output.note(`${kind} ${name} ended unasked; ${next}; its log: ${logOf(kind, name)}`);
}

function startFailure(members: readonly Member[], elapsedMs: number, logOf: StartReportParts["logOf"]): StartFailure | undefined {
  const ending = members.find(({ state }) => state.kind === "down" && state.failures >= endsMax);
  if (ending !== undefined) return failureOf(ending, `ended ${endsMax} times in a row`, logOf);
  const late = elapsedMs < readyWithinMs ? undefined : members.find(({ state }) => state.kind !== "ready");
  return late === undefined ? undefined : failureOf(late, `was not ready after ${readyWithinMs / 1000} s`, logOf);
}

function failureOf({ kind, name }: Member, what: string, logOf: StartReportParts["logOf"]): StartFailure {
  const log = logOf(kind, name);
  return { message: `${kind} ${name} ${what}; its log: ${log}`, log };
}
