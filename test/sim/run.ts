// `npm run sim -- [--seed N] [--nodes N] [--steps N] [--runs N] [--bug] [--trace]`: simulates farms, one seed after
// another, until a rule is broken. The seed printed replays the same run.
import { parseArgs } from "node:util";
import { systemRandom } from "../../src/runtime/random.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { simulate } from "./simulate.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    nodes: { type: "string", default: String(defaultSimOptions.nodes) },
    steps: { type: "string", default: String(defaultSimOptions.steps) },
    runs: { type: "string", default: "1" },
    bug: { type: "boolean", default: false },
    trace: { type: "boolean", default: false },
  },
});

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name}: expected a whole number of at least ${least}, got ${text}`);
  return value;
}

async function runOne(options: SimOptions): Promise<boolean> {
  console.log(
    `seed ${options.seed}: ${options.nodes} nodes, ${options.steps} steps${options.bug === "none" ? "" : `, with the bug ${options.bug}`}`,
  );
  const result = await simulate(options);
  if (values.trace) for (const line of result.trace) console.log(`  ${line}`);
  const outcomes = Object.entries(result.counts).map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`  ${(result.tookMs / 1000).toFixed(0)} s of virtual time, puts: ${outcomes.join(", ")}, digest ${result.digest}`);
  if (result.violation === undefined) return true;
  const { step, message } = result.violation;
  console.log(`  BROKEN after step ${step}: ${message}`);
  const bug = options.bug === "none" ? "" : " --bug";
  console.log(`  again: npm run sim -- --seed ${options.seed} --nodes ${options.nodes} --steps ${options.steps}${bug} --trace`);
  return false;
}

const first = values.seed === undefined ? Math.floor(systemRandom.fraction() * 2 ** 31) : whole("seed", values.seed, 0);
const runs = whole("runs", values.runs, 1);
for (let run = 0; run < runs && process.exitCode !== 1; run += 1) {
  const held = await runOne({
    ...defaultSimOptions,
    seed: first + run,
    nodes: whole("nodes", values.nodes, 1),
    steps: whole("steps", values.steps, 1),
    bug: values.bug ? "lost-acknowledgement" : "none",
  });
  if (!held) process.exitCode = 1;
}
