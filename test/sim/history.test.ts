// Proves over random histories that a farm keeps what it acknowledged while nodes die for good, come back late, drain, join,
// rot, lie, are cut off and restarted together: at least min copies are there again within the bound, it ends whole, and
// then nothing moves. The seeds named here broke a rule once.
import { strict as assert } from "node:assert";
import { describe, it } from "node:test";
import { historyOptions } from "./history.ts";
import { replayCommand } from "./sim-command.ts";
import { simulate } from "./simulate.ts";

const seeds: readonly { readonly seed: number; readonly why: string }[] = [
  // A holder further out than target could not be asked by one node, which made a copy in its place at once.
  { seed: 2, why: "one dead connection moves nothing, wherever the copies lie" },
  { seed: 3, why: "with a node that lies" },
  // The same with the ninth of nine: it is waited for as well while four others have theirs.
  { seed: 50, why: "one dead connection moves nothing, though the copy lies furthest out" },
  // Rot found a fraction of a second before the look: the farm has the bound from then on, as after any other loss.
  { seed: 32221003, why: "rot found late beside a node cut off" },
];

describe("a farm with a random history", () => {
  for (const { seed, why } of seeds)
    it(`keeps everything and comes to rest: seed ${seed}, ${why}`, async () => {
      const options = historyOptions(seed);
      const { violation } = await simulate(options);
      assert.equal(violation, undefined, `replay: ${replayCommand(options)}`);
    });
});
