// What other processes cost, out of /proc: CPU seconds of all their threads, and the memory that is theirs alone.
import { readFileSync } from "node:fs";

// Linux counts the times of /proc/PID/stat in hundredths of a second on every platform we run on.
const ticksPerSecond = 100;

/** CPU seconds, user and system, of all threads of these processes so far; a process that is gone counts nothing. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
}

function cpuOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  // The name stands in brackets and may hold spaces; the first field after it is the third, utime the fourteenth.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return stat === "" ? 0 : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Anonymous memory of a process, MiB: heap, buffers, stacks, and what it shares with nobody; 0 where it is gone. */
export function anonymousMiB(pid: number): number {
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
