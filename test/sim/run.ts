// `npm run sim -- [--scenario NAME] [--bug NAME] [--seed N] [--nodes N] [--steps N | --days N] [--liars N] [--runs N] [--trace]`:
// simulates farms, one seed after another, until a rule is broken. The seed printed replays the same run.
import { systemClock, type Timer } from "../../src/runtime/clock.ts";
import { systemRandom } from "../../src/runtime/random.ts";
import { readSimCommand, replayCommand, type SimWish } from "./sim-command.ts";
import type { SimOptions } from "./sim-options.ts";
import { type SimProgress, simulate } from "./simulate.ts";

const seeds = 2 ** 31;
/** A line about how far a long run is, this often: milliseconds of real time. */
const lineEveryMs = 10_000;
const [minuteMs, hourMs, mib] = [60_000, 3_600_000, 2 ** 20];

/** Prints how far a run is until it is stopped. */
function printProgress(steps: number, progress: () => SimProgress): { stop(): void } {
  const startMs = performance.now();
  let timer: Timer;
  const next = (): void => {
    timer = systemClock.after(lineEveryMs, () => {
      const { step, virtualMs, events } = progress();
      const [virtual, real] = [(virtualMs / hourMs).toFixed(1), ((performance.now() - startMs) / minuteMs).toFixed(1)];
      const memory = (process.memoryUsage.rss() / mib).toFixed(0);
      console.log(`  step ${step} of ${steps}: ${virtual} h of virtual time in ${real} min, ${events} events, ${memory} MiB`);
      next();
    });
  };
  next();
  return { stop: () => timer.cancel() };
}

async function runOne(options: SimOptions, trace: boolean): Promise<boolean> {
  const { scenario, seed, nodes, vaultsPerNode, steps, liars, bug } = options;
  const more = `${liars === 0 ? "" : `, ${liars} of them lying`}${bug === "none" ? "" : `, with the bug ${bug}`}`;
  console.log(`seed ${seed}: ${scenario}, ${nodes} nodes of ${vaultsPerNode} vaults${more}, ${steps} steps`);
  const startMs = performance.now();
  let printing: { stop(): void } | undefined;
  const result = await simulate(options, (progress) => {
    printing = printProgress(steps, progress);
  }).finally(() => printing?.stop());
  if (trace) for (const line of result.trace) console.log(`  ${line}`);
  const outcomes = Object.entries(result.counts).map(([outcome, count]) => `${outcome} ${count}`);
  const [virtual, real] = [result.tookMs, performance.now() - startMs].map((ms) => (ms / 1000).toFixed(0));
  const cost = `${result.events} events, ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at most`;
  console.log(`  ${virtual} s of virtual time in ${real} s; ${cost}; ${outcomes.join(", ")}; digest ${result.digest}`);
  if (result.violation === undefined) return true;
  const { step, message } = result.violation;
  console.log(`  BROKEN after step ${step}: ${message}`);
  console.log(`  again: ${replayCommand(options)}`);
  return false;
}

async function runAll(): Promise<number> {
  let wish: SimWish;
  try {
    wish = readSimCommand(process.argv.slice(2), Math.floor(systemRandom.fraction() * seeds));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 2;
  }
  for (let run = 0; run < wish.runs; run += 1) if (!(await runOne(wish.options(wish.seed + run), wish.trace))) return 1;
  return 0;
}

process.exitCode = await runAll();
