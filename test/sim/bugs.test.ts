// Proves that the harness can tell: each of eight bugs put back on purpose breaks the rule that it should, within a bounded
// number of seeds, and the seed that found it plays the same run again.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { bugOptions, readSimCommand, replayCommand } from "./sim-command.ts";
import { type Bug, bugs, type Rule } from "./sim-options.ts";
import { type SimResult, simulate } from "./simulate.ts";

/** Which rules may tell, from which seed on, in how many seeds at most, and how many steps each. */
type Hunt = { readonly rules: readonly Rule[]; readonly from: number; readonly seeds: number; readonly steps?: number };
const hunts: Readonly<Record<Exclude<Bug, "none">, Hunt>> = {
  "lost-acknowledgement": { rules: ["durable-at-acknowledgement"], from: 1, seeds: 3 },
  "accept-unverified": { rules: ["readable"], from: 1, seeds: 3 },
  // Wants rot beside a copy too many: about every third seed has both.
  "trim-without-proof": { rules: ["dropped-after-proof"], from: 3, seeds: 10 },
  "repair-trusts-suspicion": { rules: ["at-rest"], from: 1, seeds: 3, steps: 1 },
  "gone-still-counts": { rules: ["min-again"], from: 1, seeds: 3 },
  "inventory-forgets-fresh": { rules: ["min-again", "drain-ends"], from: 1, seeds: 3 },
  "vaults-count-as-nodes": { rules: ["min-again"], from: 2, seeds: 3 },
  "hearsay-confirms": { rules: ["living-unconfirmed"], from: 1, seeds: 3 },
};

async function hunt(bug: Exclude<Bug, "none">): Promise<{ readonly found: SimResult; readonly again: () => Promise<SimResult> }> {
  const { from, seeds, steps } = hunts[bug];
  for (let seed = from; seed < from + seeds; seed += 1) {
    const options = { ...bugOptions(bug, seed), ...(steps === undefined ? {} : { steps }) };
    const found = await simulate(options);
    if (found.violation === undefined) continue;
    const words = replayCommand(options).split(" -- ")[1]?.split(" ") ?? [];
    const again = async (): Promise<SimResult> => {
      const wish = readSimCommand(words, 0);
      return simulate(wish.options(wish.seed));
    };
    return { found, again };
  }
  return assert.fail(`no seed found ${bug}`);
}

describe("a bug put back", () => {
  for (const bug of bugs)
    it(`${bug} is found, and its seed replays`, async () => {
      const { found, again } = await hunt(bug);
      const rule = found.violation?.message.split(":")[0] ?? "none";
      assert.ok(
        hunts[bug].rules.some((one) => one === rule),
        `found by ${found.violation?.message}`,
      );
      assert.deepEqual(await again(), found);
    });
});
