// The command `vaultfarm`: hands arguments, streams, environment and signals to the command line and leaves with its code.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../runtime/clock.ts";
import { systemRandom } from "../runtime/random.ts";
import { exitCodes } from "./exit-code.ts";
import { runCommandLine } from "./run-command-line.ts";

const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${packageFolder}/package.json`, "utf8")) as { version: string };
const passedOn = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ"];

const interruption = new AbortController();
// npm and the terminal may both deliver one Ctrl-C: only a later signal is a second one.
const sameSignalMs = 500;
let firstMs = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "disconnect"] as const)
  process.on(signal, () => {
    if (!interruption.signal.aborted) {
      firstMs = systemClock.monotonicMs();
      interruption.abort(new Error(`ended by ${signal}`));
      return;
    }
    // A second one means now; members of a local farm notice that this process is gone and stop by themselves.
    if (signal !== "disconnect" && systemClock.monotonicMs() - firstMs > sameSignalMs) process.exit(exitCodes.interrupted);
  });
// Whoever read the output has seen enough (`| head`): nobody is left to be told. A farm's members notice that this process is gone.
process.stdout.on("error", (error: Error & { readonly code?: string }) =>
  process.exit(error.code === "EPIPE" ? exitCodes.readerGone : exitCodes.failed),
);
// Started by an older Node (bin/vaultfarm.js), this process has a channel, which alone must not keep it alive.
process.channel?.unref();

process.exitCode = await runCommandLine(
  {
    streams: { out: process.stdout, err: process.stderr },
    input: process.stdin,
    outIsTerminal: process.stdout.isTTY === true,
    ...(process.stdout.isTTY === true ? { outColumns: process.stdout.columns } : {}),
    workFolder: process.cwd(),
    packageFolder,
    baseEnv: Object.fromEntries(passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    clock: systemClock,
    random: systemRandom,
    interrupted: interruption.signal,
  },
  version,
  process.argv.slice(2),
);
