// Which processes a running farm consists of, written by `up` for `status`, for people who want to kill one, and for the
// next `up`, which must not start beside members that an earlier one left behind.
import { z } from "zod";
import { readFileIfThere, writeFileAtomic } from "../../runtime/atomic-file.ts";
import type { Clock } from "../../runtime/clock.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

export type RunningMember = ProcessIdentity & { readonly name: string };

const membersSchema: z.ZodType<readonly RunningMember[]> = z.array(
  z.object({ name: z.string(), pid: z.int().min(1), startTime: z.string() }),
);

/** The members written last that are still alive. A file that is damaged or missing counts as none. */
export async function readRunningMembers(path: string): Promise<readonly RunningMember[]> {
  const bytes = await readFileIfThere(path);
  const parsed = membersSchema.safeParse(bytes === undefined ? [] : parseJson(bytes));
  return parsed.success ? stillAlive(parsed.data) : [];
}

/** Writes down which processes the members have now. */
export async function writeRunningMembers(path: string, members: readonly { name: string; pid: number }[]): Promise<void> {
  const identified = await Promise.all(members.map(async ({ name, pid }) => ({ name, ...(await identifyProcess(pid)) })));
  await writeFileAtomic(path, JSON.stringify(identified.filter((member) => "pid" in member)));
}

/** Waits until these members, which an earlier `up` left behind, have stopped; past `graceMs` they are killed. */
export async function awaitLeftOvers(members: readonly RunningMember[], clock: Clock, graceMs: number): Promise<void> {
  const untilMs = clock.monotonicMs() + graceMs;
  for (let left = await stillAlive(members); left.length > 0; left = await stillAlive(left)) {
    const late = clock.monotonicMs() > untilMs;
    if (late) for (const { pid } of left) end(pid);
    await clock.sleep(100);
  }
}

async function stillAlive(members: readonly RunningMember[]): Promise<readonly RunningMember[]> {
  const alive = await Promise.all(members.map(isAlive));
  return members.filter((_, i) => alive[i]);
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
