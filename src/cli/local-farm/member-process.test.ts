// Proves that a member is started, stopped, killed past its grace, counted when it ends unasked, and gone when its parent
// is: with real child processes of a small program, one of them frozen.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { systemClock as clock } from "../../runtime/clock.ts";
import { createMemberProcess, type MemberCommand, type MemberProcess } from "./member-process.ts";
import { identifyProcess } from "./process-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "member-"));
after(() => rmSync(folder, { recursive: true, force: true }));
// A program that says that it runs and stays until a signal, or ends at once where it is told to.
writeFileSync(
  join(folder, "sleeper.ts"),
  `const ends = process.env["END_WITH"];
   if (ends !== undefined) process.exit(Number(ends));
   process.on("SIGTERM", () => process.exit(0));
   setInterval(() => {}, 1000);
   process.stdout.write("running\\n");`,
);
const logFile = join(folder, "log");
const command = (env: Record<string, string> = {}): MemberCommand => ({
  program: relative(fileURLToPath(new URL("../..", import.meta.url)), join(folder, "sleeper")),
  title: "sleeper",
  env: { PATH: "/usr/bin:/bin", ...env },
  log: logFile,
  stopMs: 10_000,
});

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = clock.monotonicMs() + 20_000;
  while (!(await condition())) {
    assert.ok(clock.monotonicMs() < deadline, `not in time: ${what}`);
    await clock.sleep(10);
  }
}
const member = (): MemberProcess => createMemberProcess({ clock, onChange: () => {} });
const kindOf = (one: MemberProcess): string => one.state().kind;
const running = (): Promise<void> => until("it runs", () => readFileSync(logFile, "utf8").endsWith("running\n"));

test("started, ready when it says so, stopped when asked: no failure", async () => {
  const one = member();
  one.start(command());
  assert.equal(kindOf(one), "starting");
  await running();
  one.noteReady(true);
  assert.equal(kindOf(one), "ready");
  one.noteReady(false);
  assert.equal(kindOf(one), "starting");
  one.stop();
  assert.equal(kindOf(one), "stopping");
  await until("it stopped", () => kindOf(one) === "down");
  const state = one.state();
  assert.ok(state.kind === "down" && state.failures === 0);
});

test("ends that nobody asked for are counted, one after the other", async () => {
  const one = member();
  for (const failures of [1, 2, 3]) {
    one.start(command({ END_WITH: "3" }));
    await until("it ended", () => kindOf(one) === "down");
    const state = one.state();
    assert.ok(state.kind === "down" && state.failures === failures);
  }
});

test("one that does not stop is killed past its grace", async () => {
  const one = member();
  one.start({ ...command(), stopMs: 50 });
  await until("it has a process", () => one.pid() !== undefined);
  process.kill(one.pid() ?? 0, "SIGSTOP");
  one.stop();
  await until("it was killed", () => kindOf(one) === "down");
});

test("when the parent is killed, the member notices and ends", async () => {
  const code = `const { createMemberProcess } = await import(${JSON.stringify(new URL("member-process.ts", import.meta.url).href)});
    const { systemClock: clock } = await import(${JSON.stringify(new URL("../../runtime/clock.ts", import.meta.url).href)});
    const one = createMemberProcess({ clock, onChange: () => {} });
    one.start(${JSON.stringify(command())}); process.stdout.write(String(one.pid())); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number((await once(parent.stdout, "data"))[0]);
  parent.kill("SIGKILL");
  await until("the member is gone", async () => (await identifyProcess(pid)) === undefined);
});
