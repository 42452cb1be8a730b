// What happened in a run, line by line with its virtual time: two runs are the same when their traces are.
import { createHash } from "node:crypto";
import type { Clock } from "../../src/runtime/clock.ts";

export type Trace = { write(line: string): void; lines(): readonly string[]; digest(): string };

/** An empty trace. */
export function createTrace(clock: Pick<Clock, "monotonicMs">): Trace {
  const lines: string[] = [];
  return {
    write: (line) => void lines.push(`${clock.monotonicMs().toFixed(3)} ${line}`),
    lines: () => lines,
    digest: () => createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 16),
  };
}
