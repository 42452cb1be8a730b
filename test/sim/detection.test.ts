// Proves that the failure detector and membership, whole and over simulated datagrams, notice every node that dies, stands
// still or is cut off within their profile's bound, confirm the dead, and never hold a node that lives for dead nor route
// round it for longer than 100 ms: with fixed seeds.
import { strict as assert } from "node:assert";
import { it } from "node:test";
import { detectionOptions } from "./detection.ts";
import { replayCommand } from "./sim-command.ts";
import { simulate } from "./simulate.ts";

/** Steps enough for what the seed is here for. */
const played = [
  // An answer overtaken by its own withdrawal stood as a testimony, so that one node more made a death.
  { seed: 2, steps: 5 },
  // A node starts again, in profile `cluster`; before it sent heartbeats its watchers suspected it.
  { seed: 3, steps: 3 },
  // A node comes back from a cut during which requests to it failed.
  { seed: 4, steps: 4 },
] as const;

for (const { seed, steps } of played)
  it(`seed ${seed} keeps the rules`, async () => {
    const options = { ...detectionOptions(seed), steps };
    const { violation, counts } = await simulate(options);
    assert.equal(violation, undefined, `replay: ${replayCommand(options)}`);
    assert.ok((counts["suspected"] ?? 0) > 0);
  });

it("a run is the same run again", async () => {
  const options = { ...detectionOptions(5), steps: 1 };
  assert.deepEqual(await simulate(options), await simulate(options));
});
