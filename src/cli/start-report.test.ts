// Proves what a person sees of a start: nothing needless, every unasked end with its log, a greeting once all is ready,
// and giving up on a member that keeps ending or is never ready: looks of a supervisor written out, time by hand.
import { strict as assert } from "node:assert";
import { Writable } from "node:stream";
import { test } from "node:test";
import type { MemberState } from "../operator/vault-farm/observed.ts";
import { systemClock } from "../runtime/clock.ts";
import type { FarmLook } from "./local-farm/supervisor.ts";
import { createOutput } from "./output.ts";
import { createStartReport, type StartFailure, type StartReport } from "./start-report.ts";

type Watched = {
  readonly report: StartReport;
  readonly said: () => string;
  readonly failures: StartFailure[];
  greetings: number;
  nowMs: number;
};

function watch(): Watched {
  const pieces: string[] = [];
  const err = new Writable({
    write: (piece: Buffer, _encoding, done) => {
      pieces.push(piece.toString());
      done();
    },
  });
  const failures: StartFailure[] = [];
  const watched = { said: () => pieces.join(""), failures, greetings: 0, nowMs: 0 };
  const report = createStartReport({
    output: createOutput({ out: err, err }, false),
    clock: { ...systemClock, monotonicMs: () => watched.nowMs },
    logOf: (kind, name) => `logs/${kind}-${name}`,
    giveUp: (failure) => failures.push(failure),
    onReady: async () => {
      watched.greetings += 1;
    },
  });
  return Object.assign(watched, { report });
}

function lookAt(state: MemberState, ready = false): FarmLook {
  const node = { name: "a", state };
  const goal = { nodes: 1, gateways: 0, running: true, restart: true };
  const farm = { format: 1, name: "attic", vaultsPerNode: 1, vaultCapacity: 1, nodes: [], gateways: [] };
  return { goal, observed: { nodes: [node], gateways: [] }, actions: [], ready, state: farm };
}
const down = (failures: number): MemberState => ({ kind: "down", failures, sinceMs: 0 });
const starting: MemberState = { kind: "starting", sinceMs: 0 };
const up: MemberState = { kind: "ready", sinceMs: 0 };

test("a start that goes well says nothing and greets once", async () => {
  const watched = watch();
  for (const look of [lookAt(down(0)), lookAt(starting), lookAt(up, true), lookAt(up, true)]) watched.report.look(look);
  await watched.report.end();
  assert.deepEqual([watched.said(), watched.greetings, watched.failures], ["", 1, []]);
});

test("an end that nobody asked for is said once, with its log and what follows, and the return; one that was asked for is not", async () => {
  const watched = watch();
  for (const look of [
    lookAt(up, true),
    lookAt(down(1)),
    lookAt(down(1)),
    lookAt(up),
    lookAt({ kind: "stopping", sinceMs: 0 }),
    lookAt(down(0)),
  ])
    watched.report.look(look);
  await watched.report.end();
  assert.equal(watched.said(), "node a ended unasked; it is started again at once; its log: logs/node-a\nnode a is back\n");
});

test("what follows an end: a longer wait after each, or nothing where nothing is started again", () => {
  const watched = watch();
  const noRestart = lookAt(down(3));
  for (const look of [lookAt(up, true), lookAt(down(2)), lookAt(up), { ...noRestart, goal: { ...noRestart.goal, restart: false } }])
    watched.report.look(look);
  assert.match(watched.said(), /started again in 10 s.*\n.*is back\n.*it stays down \(--no-restart\)/);
});

test("a member that keeps ending, or is not ready in time, ends the start; later ends do not", () => {
  const keepsEnding = watch();
  for (const failures of [1, 2, 3]) keepsEnding.report.look(lookAt(down(failures)));
  assert.deepEqual(keepsEnding.failures, [{ message: "node a ended 3 times in a row; its log: logs/node-a", log: "logs/node-a" }]);
  const late = watch();
  late.report.look(lookAt(starting));
  late.nowMs = 180_000;
  late.report.look(lookAt(starting));
  assert.match(late.failures[0]?.message ?? "", /^node a was not ready after 180 s/);
  const later = watch();
  for (const look of [lookAt(up, true), lookAt(down(3))]) later.report.look(look);
  assert.deepEqual(later.failures, []);
});
