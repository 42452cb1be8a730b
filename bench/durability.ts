// The chance that a chunk is lost in a year, from weighed histories, beside the computed one: what docs/durability.md shows.
import { drawnCases } from "./durability/drawn.ts";
import type { Bench, Result } from "./result.ts";

async function run(): Promise<readonly Result[]> {
  return drawnCases().flatMap((one) =>
    (["chance", "fixed"] as const).map((times) => ({
      bench: "durability",
      what: `${one.target} copies, moved in ${one.moving}, ${times === "chance" ? "times of the model" : "fixed times"} (least–most: 95 %)`,
      unit: "a year",
      median: one[times].chance,
      min: one[times].low,
      max: one[times].high,
      runs: one.runs,
      reference: { what: "computed", median: one.computed },
      ratio: one[times].chance / one.computed,
    })),
  );
}

/** Seeded: the same figures at every run. */
export const bench: Bench = { name: "durability", run };
