// The figures of docs/durability.md that are drawn, beside the computed ones of the same cases.
import { seededRandom } from "../../src/runtime/random.ts";
import { lossPerYear } from "./model.ts";
import { drawnLossPerYear, type Estimate } from "./rare.ts";
import { caseOf, chance, copies, movingTimes } from "./table.ts";

export type DrawnCase = {
  readonly target: number;
  readonly moving: string;
  readonly computed: number;
  readonly chance: Estimate;
  readonly fixed: Estimate;
  /** Weighed histories of each estimate. */
  readonly runs: number;
};

const runs = 50_000;
const yearly = 0.1;

/** 10 % of the nodes lost a year, each number of copies and time of moving; every estimate from a seed of its own. */
export function drawnCases(): readonly DrawnCase[] {
  let seed = 0;
  const draw = (one: ReturnType<typeof caseOf>, times: "chance" | "fixed"): Estimate => {
    seed += 1;
    return drawnLossPerYear(one, times, seededRandom(seed), runs);
  };
  return movingTimes.flatMap(({ name, hours }) =>
    copies.map((of) => {
      const one = caseOf(of, yearly, hours);
      const facts = { target: of.target, moving: name, computed: lossPerYear(one), runs };
      return { ...facts, chance: draw(one, "chance"), fixed: draw(one, "fixed") };
    }),
  );
}

/** The drawn figures as lines of Markdown. */
export function drawnFigures(): string {
  const cell = ({ chance: value, low, high }: Estimate): string => `${chance(value, 2)} (${chance(low, 2)} to ${chance(high, 2)})`;
  const rows = drawnCases().map((one) => {
    const times = `${cell(one.chance)} | ${cell(one.fixed)}`;
    const factor = Number((one.computed / one.fixed.chance).toPrecision(2)).toLocaleString("en");
    return `| ${one.target} | ${one.moving} | ${chance(one.computed, 2)} | ${times} | ${factor} |`;
  });
  return [
    "### Drawn beside computed",
    "",
    `One chunk, ${yearly * 100} % of the nodes lost a year, with 95 % intervals from ${runs.toLocaleString("en")} weighed histories each (see Drawn, below):`,
    "",
    "| copies | copying takes | computed | drawn, times of the model | drawn, fixed times | computed ÷ fixed |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}
