// What a command line is given by this process: streams, folder, clock, randomness, the environment it may see, and the
// signals. Ends with the command line's code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import type { Environment } from "../runtime/settings.ts";
import { exitCodes } from "./exit-code.ts";
import { type CommandLine, runCommandLine } from "./run-command-line.ts";

const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
// npm and the terminal may both deliver one Ctrl-C: only a later signal is a second one.
const sameSignalMs = 500;

/** Runs `line` as this process, with the variables of `env` that are `passedOn`. */
export async function runProcess(line: CommandLine, env: Environment, passedOn: readonly string[]): Promise<void> {
  const { version } = JSON.parse(readFileSync(`${packageFolder}/package.json`, "utf8")) as { version: string };
  hearLostOutput();
  const interrupted = interruption();
  // Started by an older Node (bin/run-program.js), this process has a channel, which alone must not keep it alive.
  process.channel?.unref();
  const code = await runCommandLine(
    {
      streams: { out: process.stdout, err: process.stderr },
      input: process.stdin,
      outIsTerminal: process.stdout.isTTY === true,
      ...(process.stdout.isTTY === true ? { outColumns: process.stdout.columns } : {}),
      workFolder: process.cwd(),
      packageFolder,
      baseEnv: Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
      clock: systemClock,
      random: systemRandom,
      interrupted,
    },
    version,
    process.argv.slice(2),
    line,
  );
  if (code !== exitCodes.done) process.exitCode = code;
  // A farm that could not be kept leaves processes to which this one is still bound; they stop by themselves once it is gone.
  if (code !== exitCodes.done) process.stderr.write("", () => process.stdout.write("", () => process.exit(code)));
}

/** What cannot be written ends no farm that runs in this process, as on a disk that is full for a while; the exit code tells of it. */
function hearLostOutput(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: Error & { readonly code?: string }) => {
    // Whoever read the output has seen enough (`| head`): nobody is left to be told. A farm's members notice that this process is gone.
    if (error.code === "EPIPE") process.exit(exitCodes.readerGone);
    if (process.exitCode === undefined) process.stderr.write(`the output is not whole: ${error.message}\n`);
    process.exitCode ??= exitCodes.failed;
  });
}

/** Aborted by the first signal; a second one means now: members of a local farm notice that this process is gone and stop by themselves. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"] as const)
    process.on(signal, () => {
      if (!controller.signal.aborted) {
        firstMs = systemClock.monotonicMs();
        controller.abort(new Error(`ended by ${signal}`));
        return;
      }
      if (signal !== "disconnect" && systemClock.monotonicMs() - firstMs > sameSignalMs) process.exit(exitCodes.interrupted);
    });
  return controller.signal;
}
