// Runs a program and reads what it prints: within a time, into a limit, without a terminal.
import { execFile } from "node:child_process";
import type { Environment } from "../../runtime/settings.ts";
import type { RunProgram } from "./login-program.ts";

/** A login may ask a server far away, milliseconds. */
const timeoutMs = 60_000;
/** A token and two certificates are a few KiB. */
const outputBytesMax = 1024 * 1024;

/** Runs programs with `env` as their environment; an error carries the last line that was written to stderr. */
export function createRunProgram(env: Environment): RunProgram {
  return (command, args, more) =>
    new Promise((resolve, reject) => {
      const options = { env: { ...env, ...more }, timeout: timeoutMs, maxBuffer: outputBytesMax, killSignal: "SIGKILL" } as const;
      const child = execFile(command, [...args], options, (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        const said = stderr.trim().split("\n").at(-1) ?? "";
        const why =
          error.killed === true || String(error.code) === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER"
            ? `it took longer than ${timeoutMs / 1000} s or printed more than 1 MiB`
            : said === ""
              ? `it ended with ${error.code ?? error.signal}`
              : said;
        reject(Object.assign(new Error(why), { code: error.code, cause: error }));
      });
      child.stdin?.end();
    });
}
