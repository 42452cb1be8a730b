// A member of the farm as a child process: started with a log file and a channel that ties it to this process, stopped
// with SIGTERM and, past its grace, with SIGKILL. Remembers how often it ended unasked.
import { type ChildProcess, spawn } from "node:child_process";
import { close as closeFile, openSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MemberState } from "../../operator/vault-farm/observed.ts";
import { failuresForgottenMs } from "../../operator/vault-farm/restart-delay.ts";
import type { Clock } from "../../runtime/clock.ts";
import { entryUrl } from "../../runtime/entry-url.ts";

/** What to run: the program's entry below `src/`, its whole environment, its log file, and the name the system shows for it. */
export type MemberCommand = {
  readonly program: string;
  readonly title: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
  /** Milliseconds it may take to stop before it is killed. */
  readonly stopMs: number;
};

export type MemberProcess = {
  state(): MemberState;
  pid(): number | undefined;
  start(command: MemberCommand): void;
  stop(): void;
  /** It answered that it is ready, or that it is not (any more). */
  noteReady(ready: boolean): void;
};

type Tools = { readonly clock: Clock; readonly onChange: () => void };
type Running = { readonly child: ChildProcess; readonly stopMs: number; readonly startedMs: number };

/** Logs above this are put aside (one generation is kept) when the member starts, bytes. */
const logSizeMax = 16 * 1024 * 1024;

/** A member that does not run yet. `onChange` is called when it ends. */
export function createMemberProcess({ clock, onChange }: Tools): MemberProcess {
  let running: Running | undefined;
  let state: MemberState = { kind: "down", failures: 0, sinceMs: clock.monotonicMs() };
  let failures = 0;

  const ended = (was: Running): void => {
    if (running !== was) return;
    const nowMs = clock.monotonicMs();
    const asked = state.kind === "stopping";
    if (nowMs - was.startedMs > failuresForgottenMs) failures = 0;
    failures = asked ? 0 : failures + 1;
    running = undefined;
    state = { kind: "down", failures, sinceMs: nowMs };
    onChange();
  };
  const start = (command: MemberCommand): void => {
    if (running !== undefined) return;
    const started: Running = { child: spawnMember(command), stopMs: command.stopMs, startedMs: clock.monotonicMs() };
    running = started;
    state = { kind: "starting", sinceMs: started.startedMs };
    started.child.once("exit", () => ended(started));
    started.child.once("error", () => ended(started));
  };
  const stop = (): void => {
    if (running === undefined || state.kind === "stopping") return;
    const { child, stopMs } = running;
    state = { kind: "stopping", sinceMs: clock.monotonicMs() };
    child.kill("SIGTERM");
    const timer = clock.after(stopMs, () => child.kill("SIGKILL"));
    child.once("exit", () => timer.cancel());
  };
  const noteReady = (ready: boolean): void => {
    if (state.kind !== "starting" && state.kind !== "ready") return;
    if (ready !== (state.kind === "ready")) state = { kind: ready ? "ready" : "starting", sinceMs: clock.monotonicMs() };
  };
  return { state: () => state, pid: () => running?.child.pid, start, stop, noteReady };
}

function spawnMember({ program, title, env, log }: MemberCommand): ChildProcess {
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > logSizeMax) renameSync(log, `${log}.1`);
  const output = openSync(log, "a", 0o600);
  try {
    // A process group of its own: Ctrl-C in the terminal reaches `up` alone, which then stops the members in order.
    return spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", fileURLToPath(entryUrl("cli/local-farm/member-entry")), program, title],
      {
        detached: true,
        env,
        stdio: ["ignore", output, output, "ipc"],
      },
    );
  } finally {
    closeFile(output, () => {});
  }
}
