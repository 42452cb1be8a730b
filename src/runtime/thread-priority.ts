// The scheduling of one thread, for one whose lateness others take for death. Programs of heartbeats run as real-time threads where
// the system lets them: then neither a busy process nor one that is being taken apart keeps them from a core.
import { execFile } from "node:child_process";
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { hostMonotonicMs } from "./clock.ts";

/** real-time: before all ordinary threads · nice: before most · ordinary: the system does not allow more. */
export type ThreadPriority = "real-time" | "nice" | "ordinary";

const nice = -10;
/** The least of the real-time priorities: below whatever an administrator gives one on purpose. */
const realTime = ["--reset-on-fork", "--rr", "--pid", "1"];
const ordinary = ["--other", "--pid", "0"];
const changeWithinMs = 5_000;

/**
 * Raises the calling thread, and no other, as far as the system allows: Linux with `chrt` (util-linux), root or CAP_SYS_NICE for a
 * real-time thread. Never rejects.
 */
export async function raiseThread(): Promise<ThreadPriority> {
  const isNice = setNice();
  if (await change(realTime)) return "real-time";
  return isNice ? "nice" : "ordinary";
}

/** Makes the calling thread an ordinary one again, at the niceness that it got; whether that was possible. Never rejects. */
export function lowerThread(): Promise<boolean> {
  return change(ordinary);
}

/** Looks `everyMs` what the calling thread took of a core; the first time that it is more than `share`, makes it an ordinary one, for good. */
export function lowerBeyond({ share, everyMs }: { readonly share: number; readonly everyMs: number }, onLowered: () => void): void {
  const cpuUs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  const isTooMuch = createShareWatch(share, hostMonotonicMs, cpuUs);
  const timer = setInterval(() => {
    if (!isTooMuch()) return;
    clearInterval(timer);
    void lowerThread().then((isOrdinary) => {
      if (isOrdinary) onLowered();
    });
  }, everyMs);
  timer.unref();
}

/** Says at each call whether the thread took more than `share` of a core since the call before. `cpuUs`: what it has taken, microseconds. */
export function createShareWatch(share: number, nowMs: () => number, cpuUs: () => number): () => boolean {
  let [atMs, takenUs] = [nowMs(), cpuUs()];
  return () => {
    const [thenMs, thenUs] = [atMs, takenUs];
    [atMs, takenUs] = [nowMs(), cpuUs()];
    return takenUs - thenUs > share * (atMs - thenMs) * 1_000;
  };
}

function setNice(): boolean {
  try {
    // On Linux of the calling thread alone.
    setPriority(0, nice);
    return true;
  } catch {
    return false;
  }
}

async function change(to: readonly string[]): Promise<boolean> {
  const id = threadId();
  if (id === undefined) return false;
  return new Promise((resolve) => {
    try {
      execFile("chrt", [...to, id], { timeout: changeWithinMs }, (error) => resolve(error === null));
    } catch {
      // Where a program may not be started at all, as under a strict seccomp profile, Node throws.
      resolve(false);
    }
  });
}

/** As the kernel numbers threads; undefined where it is no Linux. */
function threadId(): string | undefined {
  try {
    return readlinkSync("/proc/thread-self").split("/").at(-1);
  } catch {
    return undefined;
  }
}
