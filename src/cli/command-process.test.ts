// Proves what becomes of a command whose output finds no room: it is told once and by the exit code, and goes on meanwhile.
// Method: the real command, its streams the device that is always full.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { exitCodes } from "./exit-code.ts";

const skip = existsSync("/dev/full") ? false : "this system has no device that is always full";

test("output for which there is no room: it says so, and its code tells of it", { skip }, async () => {
  const { code, told } = await run(["completion", "bash"], "out");
  assert.equal(code, exitCodes.failed);
  assert.match(told, /^the output is not whole: ENOSPC[^\n]*\n$/);
});

test("remarks for which there is no room change nothing", { skip }, async () => {
  assert.equal((await run(["--version"], "err")).code, exitCodes.done);
  assert.equal((await run(["status", "--data", "/no-such-folder"], "err")).code, exitCodes.notFound);
});

/** Its exit code with `full` written nowhere, and what it told on the other stream. */
async function run(args: readonly string[], full: "out" | "err"): Promise<{ readonly code: number | null; readonly told: string }> {
  const device = openSync("/dev/full", "w");
  const stdio = full === "out" ? (["ignore", device, "pipe"] as const) : (["ignore", "pipe", device] as const);
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "bin/vaultfarm.js", ...args], { stdio: [...stdio] });
  closeSync(device);
  const other = (full === "out" ? child.stderr : child.stdout) ?? assert.fail();
  const [[code], told] = await Promise.all([once(child, "exit"), text(other)]);
  return { code: code as number | null, told };
}
