// Proves on virtual time that what goes wrong all the time is written once and then once a minute, and that none of it goes uncounted.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import fc from "fast-check";
import { type Fields, type Log, silentLog } from "./log.ts";
import { rareLog } from "./rare-log.ts";

type Written = { readonly atMs: number; readonly sentence: string; readonly leftOut: number };

test("property: of each sentence the first is written, no two within a minute, and lines and counts add up", () => {
  const happening = fc.record({ afterMs: fc.nat(40_000), sentence: fc.constantFrom("it failed", "it failed too") });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 200 }), (happenings) => {
      let nowMs = 0;
      const written: Written[] = [];
      const note = (sentence: string, fields: Fields = {}): void => {
        assert.equal(fields["cause"], "why");
        written.push({ atMs: nowMs, sentence, leftOut: Number(fields["leftOut"] ?? 0) });
      };
      const log: Log = rareLog({ ...silentLog, error: note }, { monotonicMs: () => nowMs });
      const told = new Map<string, number>();
      for (const { afterMs, sentence } of happenings) {
        nowMs += afterMs;
        log.error(sentence, { cause: "why" });
        told.set(sentence, (told.get(sentence) ?? 0) + 1);
      }
      nowMs += 60_000;
      for (const [sentence, times] of told) {
        log.error(sentence, { cause: "why" });
        const lines = written.filter((line) => line.sentence === sentence);
        for (const [n, { atMs }] of lines.entries()) assert.ok(n === 0 || atMs - (lines[n - 1]?.atMs ?? 0) >= 60_000);
        assert.equal(lines[0]?.leftOut, 0);
        assert.equal(
          lines.reduce((sum, { leftOut }) => sum + 1 + leftOut, 0),
          times + 1,
        );
      }
    }),
  );
});

test("what is no failure is written each time, and each level by itself", () => {
  const levels: string[] = [];
  const noting = (level: string) => (): void => void levels.push(level);
  const noisy: Log = { ...silentLog, error: noting("error"), warn: noting("warn"), info: noting("info"), debug: noting("debug") };
  const log = rareLog(noisy, { monotonicMs: () => 0 });
  for (let n = 0; n < 2; n += 1) for (const level of ["error", "warn", "info", "debug"] as const) log[level]("it was");
  assert.deepEqual(levels, ["error", "warn", "info", "debug", "info", "debug"]);
});
