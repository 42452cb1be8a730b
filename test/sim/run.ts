// `npm run sim -- [--seed N] [--nodes N] [--steps N] [--runs N] [--bug] [--trace]`: simulates farms, one seed after
// another, until a rule is broken. The seed printed replays the same run.
import { parseArgs } from "node:util";
import { systemRandom } from "../../src/runtime/random.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { simulate } from "./simulate.ts";

/** Nodes that a put needs. */
const copiesMin = 4;

type Wanted = { readonly options: SimOptions; readonly runs: number; readonly trace: boolean };

/** What the arguments ask for. Throws with a sentence where they are wrong. */
function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: String(Math.floor(systemRandom.fraction() * 2 ** 31)) },
      nodes: { type: "string", default: String(defaultSimOptions.nodes) },
      steps: { type: "string", default: String(defaultSimOptions.steps) },
      runs: { type: "string", default: "1" },
      bug: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
    },
  });
  const nodes = whole("nodes", values.nodes, copiesMin + 1);
  const options = {
    ...defaultSimOptions,
    seed: whole("seed", values.seed, 0),
    nodes,
    // As many stay up as a put needs: in a small farm fewer are down at once.
    downMax: Math.min(defaultSimOptions.downMax, nodes - copiesMin),
    steps: whole("steps", values.steps, 1),
    bug: values.bug ? ("lost-acknowledgement" as const) : ("none" as const),
  };
  return { options, runs: whole("runs", values.runs, 1), trace: values.trace };
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name}: expected a whole number of at least ${least}, got ${text}`);
  return value;
}

async function runOne(options: SimOptions, trace: boolean): Promise<boolean> {
  console.log(
    `seed ${options.seed}: ${options.nodes} nodes, ${options.steps} steps${options.bug === "none" ? "" : `, with the bug ${options.bug}`}`,
  );
  const result = await simulate(options);
  if (trace) for (const line of result.trace) console.log(`  ${line}`);
  const outcomes = Object.entries(result.counts).map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`  ${(result.tookMs / 1000).toFixed(0)} s of virtual time, puts: ${outcomes.join(", ")}, digest ${result.digest}`);
  if (result.violation === undefined) return true;
  const { step, message } = result.violation;
  console.log(`  BROKEN after step ${step}: ${message}`);
  const bug = options.bug === "none" ? "" : " --bug";
  console.log(`  again: npm run sim -- --seed ${options.seed} --nodes ${options.nodes} --steps ${options.steps}${bug} --trace`);
  return false;
}

async function runAll(): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
  const { options, runs, trace } = wanted;
  for (let run = 0; run < runs; run += 1) if (!(await runOne({ ...options, seed: options.seed + run }, trace))) return 1;
  return 0;
}

process.exitCode = await runAll();
