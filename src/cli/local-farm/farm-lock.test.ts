// Proves that one process at most holds a farm: real processes compete for one lock, holders are killed, and stale or
// damaged locks are taken over.
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lockHolder, takeLock } from "./farm-lock.ts";
import { identifyProcess, isAlive } from "./process-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "farm-lock-"));
after(() => rmSync(folder, { recursive: true, force: true }));

// A process that tries to take the lock, says how it went and stays.
function contender(path: string): ChildProcess {
  const code = `const { takeLock } = await import(${JSON.stringify(new URL("farm-lock.ts", import.meta.url).href)});
    const outcome = await takeLock(${JSON.stringify(path)});
    process.stdout.write(outcome.kind); setInterval(() => {}, 1000); process.stdin.on("close", () => process.exit()).resume();`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["pipe", "pipe", "inherit"] });
}
const answerOf = async ({ stdout }: ChildProcess): Promise<string> => (stdout === null ? "" : String((await once(stdout, "data"))[0]));

test("of several processes at once exactly one gets it, and when that is killed another may", async () => {
  const path = join(folder, "one");
  const children = Array.from({ length: 5 }, () => contender(path));
  try {
    const answers = await Promise.all(children.map(answerOf));
    assert.deepEqual(answers.toSorted(), ["held", "held", "held", "held", "taken"]);
    const winner = children[answers.indexOf("taken")];
    assert.equal((await lockHolder(path))?.pid, winner?.pid);
    winner?.kill("SIGKILL");
    await once(winner as ChildProcess, "exit");
    assert.equal(await lockHolder(path), undefined);
    const next = await takeLock(path);
    assert.equal(next.kind, "taken");
    if (next.kind === "taken") await next.release();
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
});

test("who has it is told, and whether it is about to let go; after the release it is free", async () => {
  const path = join(folder, "two");
  const first = await takeLock(path);
  const second = await takeLock(path);
  assert.ok(second.kind === "held" && second.by.pid === process.pid && second.by.stopping === undefined);
  assert.ok(first.kind === "taken");
  await first.markStopping();
  const third = await takeLock(path);
  assert.ok(third.kind === "held" && third.by.pid === process.pid && third.by.stopping === true);
  await Promise.all([first.release(), first.markStopping()]);
  assert.equal(await lockHolder(path), undefined);
});

test("a lock that is damaged, or whose process id belongs to another process by now, holds nothing", async () => {
  for (const content of ["{", '{"pid": -1}', JSON.stringify({ pid: process.pid, startTime: "1" })]) {
    const path = join(folder, "three");
    writeFileSync(path, content);
    const outcome = await takeLock(path);
    assert.equal(outcome.kind, "taken", content);
    if (outcome.kind === "taken") await outcome.release();
  }
});

test("a process is told from a later one with its id", async () => {
  const self = await identifyProcess(process.pid);
  assert.ok(self !== undefined && (await isAlive(self)));
  assert.equal(await isAlive({ ...self, startTime: `${self.startTime}0` }), false);
  assert.equal(await identifyProcess(2 ** 22 + 1), undefined);
});
