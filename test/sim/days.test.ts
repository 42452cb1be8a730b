// Proves that a farm keeps everything over days of failures, drains, joins and rot, with the repair delays of a real farm and in
// weather that loses and delays messages: some hours of small farms, with fixed seeds in which much happens. A bug put back is
// found, so the days can tell.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { type DaysFarm, daysOptions } from "./days.ts";
import { replayCommand } from "./sim-command.ts";
import type { SimOptions } from "./sim-options.ts";
import { type SimResult, simulate } from "./simulate.ts";

const small: DaysFarm = { nodes: 10, vaultsPerNode: 4 };
const hours = (seed: number, farm: DaysFarm, steps: number): SimOptions => ({ ...daysOptions(seed, farm, 1), steps });

/** What the seed is here for, and how often it must have happened: a day on which nothing does proves nothing. */
const played: readonly {
  readonly seed: number;
  readonly steps: number;
  readonly why: string;
  readonly saw: Readonly<Record<string, number>>;
}[] = [
  {
    seed: 182,
    steps: 5,
    why: "a death, a drain, a join for each, rot",
    saw: { dies: 1, "is drained and goes": 1, "joins in its place": 2 },
  },
  { seed: 391, steps: 5, why: "a death, then two away at once for hours", saw: { dies: 1, "is out for hours": 2 } },
];

async function keepsTheRules(options: SimOptions): Promise<SimResult> {
  const result = await simulate(options);
  assert.equal(result.violation, undefined, `replay: ${replayCommand(options)}`);
  return result;
}

for (const { seed, steps, why, saw } of played)
  it(`${steps} hours keep the rules: seed ${seed}, ${why}`, async () => {
    const { counts } = await keepsTheRules(hours(seed, small, steps));
    for (const [what, times] of Object.entries(saw)) assert.equal(counts[what], times, what);
    assert.ok((counts["repaired"] ?? 0) > 0, "no copy was made again");
  });

it("a node that is waited for without end is found", async () => {
  const { violation } = await simulate({ ...hours(391, small, 5), bug: "gone-still-counts" });
  assert.match(violation?.message ?? "nothing was found", /^min-again: /);
});

// Beyond what everybody runs, where CI gives time to seeds: it took 25 s of CPU on a busy machine.
if (process.env["VAULTFARM_SIM_SECONDS"] !== undefined)
  it("a day of 30 nodes with 240 vaults keeps the rules: seed 2, with two away at once for hours", async () => {
    const { counts } = await keepsTheRules(hours(2, { nodes: 30, vaultsPerNode: 8 }, 24));
    assert.equal(counts["is out for hours"], 2);
  });
