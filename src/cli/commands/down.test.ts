// Proves that `down` ends what ran when it was called, and nothing that another `up` starts meanwhile. Method: the real command
// line on a farm's folder, and processes that stand for members; no farm is started.
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { runInProcess } from "../command-fixture.ts";
import { exitCodes } from "../exit-code.ts";
import { stoppedFarm } from "../local-farm/farm-fixture.ts";
import { readRunningMembers, writeRunningMembers } from "../local-farm/run-file.ts";

const work = mkdtempSync(join(tmpdir(), "down-"));
const members: ChildProcess[] = [];
after(() => {
  for (const member of members) member.kill("SIGKILL");
  rmSync(work, { recursive: true, force: true });
});

async function startMember(): Promise<{ readonly child: ChildProcess; readonly running: { name: string; pid: number } }> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  members.push(child);
  await once(child, "spawn");
  return { child, running: { name: "attic-a", pid: child.pid ?? assert.fail() } };
}

test("members left behind are waited for; those that another up starts meanwhile are left alone", async () => {
  const folder = await stoppedFarm(work);
  const [old, fresh] = [await startMember(), await startMember()];
  await writeRunningMembers(folder.run, [old.running]);
  let sleeps = 0;
  // While it waits the old one ends, another up writes down its own, and much time passes.
  const clock: Clock = {
    ...systemClock,
    monotonicMs: () => sleeps * 20_000,
    sleep: async () => {
      sleeps += 1;
      if (sleeps > 5) throw new Error("it waits for the farm of another up");
      if (sleeps > 1) return;
      const ended = once(old.child, "exit");
      old.child.kill("SIGKILL");
      await ended;
      await writeRunningMembers(folder.run, [fresh.running]);
    },
  };
  const { code, err } = await runInProcess(["down"], work, { clock });
  assert.deepEqual([code, err], [exitCodes.done, ""]);
  assert.equal((await readRunningMembers(folder.run)).length, 1, "a member of the other up was ended");
});
