// A log for what goes wrong again and again in a loop: the first time is written at once, then one line a minute says how often.
import type { Clock } from "./clock.ts";
import type { Fields, Log } from "./log.ts";

// Seldom enough to leave a log readable, often enough to show that it still goes on.
const everyMs = 60_000;

type Line = { writtenAtMs: number; leftOut: number };
type Write = (sentence: string, fields?: Fields) => void;

/**
 * `log` that writes each of its warnings and errors at most once a minute, by their sentence; the field `leftOut` then counts those
 * since the last one. Only for sentences whose fields may be lost. Sentences are constants, so what is remembered is bounded by the code.
 */
export function rareLog(log: Log, clock: Pick<Clock, "monotonicMs">): Log {
  const rarely = (write: Write): Write => {
    const lines = new Map<string, Line>();
    return (sentence, fields = {}) => {
      const nowMs = clock.monotonicMs();
      const line = lines.get(sentence);
      if (line !== undefined && nowMs - line.writtenAtMs < everyMs) {
        line.leftOut += 1;
        return;
      }
      write(sentence, line === undefined || line.leftOut === 0 ? fields : { ...fields, leftOut: line.leftOut });
      lines.set(sentence, { writtenAtMs: nowMs, leftOut: 0 });
    };
  };
  return { ...log, error: rarely(log.error), warn: rarely(log.warn) };
}
