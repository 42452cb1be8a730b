// Proves with whole farms in one process that what was acknowledged stays: under loss, delay, overtaking, cuts, and
// crashes while writing, with a node that lies, and with full vaults; and that a seed replays.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { replayCommand } from "./sim-command.ts";
import { defaultSimOptions, type SimOptions } from "./sim-options.ts";
import { type SimResult, simulate } from "./simulate.ts";

const run = (options: Partial<SimOptions>): Promise<SimResult> => simulate({ ...defaultSimOptions, ...options });
const again = (seed: number): string => `replay: ${replayCommand({ ...defaultSimOptions, seed })}`;

describe("a farm under faults", () => {
  for (const seed of [1, 2, 3, 4])
    it(`keeps what it acknowledged: seed ${seed}`, async () => {
      const result = await run({ seed });
      assert.equal(result.violation, undefined, again(seed));
      assert.ok((result.counts["stored"] ?? 0) > 20, "a run in which hardly anything is stored proves nothing");
    });

  it("keeps it, and serves only right bytes, while one node lies", async () => {
    const result = await run({ seed: 5, liars: 1 });
    assert.equal(result.violation, undefined);
    assert.ok((result.counts["stored"] ?? 0) > 20);
  });

  it("keeps it while its vaults fill up", async () => {
    const result = await run({ seed: 21, vaultCapacity: 128 * 1024 });
    assert.equal(result.violation, undefined);
    assert.ok((result.counts["insufficient-copies"] ?? 0) > 0, "no vault was ever full");
  });

  it("keeps it on 24 nodes", async () => {
    const result = await run({ seed: 22, nodes: 24, steps: 60 });
    assert.equal(result.violation, undefined);
  });

  it("does the same again for the same seed, and something else for another", async () => {
    const [first, second, other] = [
      await run({ seed: 5, steps: 60 }),
      await run({ seed: 5, steps: 60 }),
      await run({ seed: 6, steps: 60 }),
    ];
    assert.deepEqual(second, first);
    assert.notEqual(other.digest, first.digest);
  });
});

it("a lost acknowledgement is found by what is missing after crashes alone", async () => {
  // A disk slow to sync, many crashes: some seed loses copies for good. The first that does replays.
  for (let seed = 1; seed <= 20; seed += 1) {
    const options: Partial<SimOptions> = { seed, bug: "lost-acknowledgement", syncMs: 300, rules: ["still-durable"], steps: 80 };
    const found = await run(options);
    if (found.violation === undefined) continue;
    assert.match(found.violation.message, /^still-durable: chunk/);
    assert.deepEqual(await run(options), found);
    return;
  }
  assert.fail("no seed found it");
});
