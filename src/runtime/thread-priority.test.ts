// Proves that a thread is raised alone, made ordinary again, and that taking too much of a core is noticed. Method: the kernel's own word
// on this process's threads; where the system allows no more, that is what is said.
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { platform } from "node:os";
import { test } from "node:test";
import { createShareWatch, lowerBeyond, lowerThread, raiseThread } from "./thread-priority.ts";

const roundRobin = 2;

/** Policies of all threads of this process by number, as in sched(7): field 41 of a thread's stat. */
function policies(): ReadonlyMap<string, number> {
  const policyOf = (id: string): number => {
    const text = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    return Number(
      text
        .slice(text.lastIndexOf(")") + 2)
        .split(" ")
        .at(41 - 3),
    );
  };
  return new Map(readdirSync("/proc/self/task").map((id) => [id, policyOf(id)]));
}

/** Whether this process has CAP_SYS_NICE, which is number 23 (capabilities(7)). */
function mayRaise(): boolean {
  const [, effective = "0"] = /^CapEff:\s*(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return ((BigInt(`0x${effective}`) >> 23n) & 1n) === 1n;
}

test("the calling thread is raised alone, as far as the system allows, and is an ordinary one again when it is told to be", async () => {
  const priority = await raiseThread();
  if (platform() !== "linux") return assert.notEqual(priority, "real-time");
  const raised = [...policies()].filter(([, policy]) => policy === roundRobin).map(([id]) => id);
  assert.deepEqual(raised, priority === "real-time" ? [String(process.pid)] : []);
  assert.ok(!mayRaise() || priority !== "ordinary", "who has CAP_SYS_NICE may");
  if (priority === "real-time") assert.ok(await lowerThread());
  assert.ok([...policies().values()].every((policy) => policy !== roundRobin));
});

test("a real-time thread that takes too much of a core becomes an ordinary one", async (t) => {
  if ((await raiseThread()) !== "real-time") return t.diagnostic("this system makes no thread a real-time one");
  const lowered = Promise.withResolvers<void>();
  lowerBeyond({ share: 0.2, everyMs: 50 }, lowered.resolve);
  let isLowered = false;
  void lowered.promise.then(() => {
    isLowered = true;
  });
  // Busy, and its timers and callbacks run all the same.
  for (const block = new Uint8Array(2 ** 20); !isLowered; await new Promise(setImmediate)) createHash("sha512").update(block).digest();
  assert.ok([...policies().values()].every((policy) => policy !== roundRobin));
});

test("more than the share since the last look is too much, less is not, whatever was before", () => {
  let [nowMs, cpuUs] = [5_000, 900_000];
  const isTooMuch = createShareWatch(
    0.5,
    () => nowMs,
    () => cpuUs,
  );
  const after = (ms: number, us: number): boolean => {
    nowMs += ms;
    cpuUs += us;
    return isTooMuch();
  };
  assert.deepEqual([after(1_000, 499_000), after(1_000, 501_000), after(2_000, 900_000), after(100, 60_000)], [false, true, false, true]);
});
