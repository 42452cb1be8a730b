// The figures of docs/durability.md, computed: the page is made with them and compared by `npm run generate`.
import { type DurabilityCase, failuresPerHour, farmLossPerYear, lossPerYear } from "./model.ts";

const delayHours = { enough: 5 / 60, few: 0.5 / 60, fewest: 0.05 / 60 };
const yearlyRates = [0.02, 0.1, 0.5] as const;
/** How long the data of one node takes. */
export const movingTimes: readonly { readonly name: string; readonly hours: number }[] = [
  { name: "10 minutes", hours: 1 / 6 },
  { name: "6 hours", hours: 6 },
  { name: "3 days", hours: 72 },
];
/** The numbers of copies shown. */
export const copies: readonly { readonly min: number; readonly target: number }[] = [
  { min: 4, target: 4 },
  { min: 4, target: 5 },
  { min: 4, target: 8 },
];

/** The case of so many copies with a yearly failure rate, and the delays of the protocol. */
export function caseOf(of: { readonly min: number; readonly target: number }, yearly: number, movingHours: number): DurabilityCase {
  return { ...of, failuresPerHour: failuresPerHour(yearly), movingHours, delayHours };
}

/** As `1.2 × 10^-3`. Two digits say all that such a model knows; a third is for comparing two ways to the same figure. */
export const chance = (value: number, decimals = 1): string => value.toExponential(decimals).replace("e", " × 10^").replace("^+", "^");

/** A row for each yearly failure rate and time of moving: one chunk's chance of loss in a year by copies. */
export function chunkTable(): readonly string[] {
  const head = [
    "| nodes lost a year | copying one node's data takes | 4 copies | 5 copies | 8 copies |",
    "| --- | --- | --- | --- | --- |",
  ];
  const rows = yearlyRates.flatMap((yearly) =>
    movingTimes.map(({ name, hours }) => {
      const cells = copies.map((of) => chance(lossPerYear(caseOf(of, yearly, hours))));
      return `| ${yearly * 100} % | ${name} | ${cells.join(" | ")} |`;
    }),
  );
  return [...head, ...rows];
}

/** The chance that anything is lost in a year, by size of farm: 10 % of the nodes a year, 6 hours of moving. */
export function farmTable(): readonly string[] {
  const farms = [
    { nodes: 8, chunks: 100_000 },
    { nodes: 40, chunks: 1_000_000 },
    { nodes: 1_000, chunks: 100_000_000 },
  ];
  const head = ["| farm | 4 copies | 5 copies | 8 copies |", "| --- | --- | --- | --- |"];
  const rows = farms.map((farm) => {
    const cells = copies.map((of) => chance(farmLossPerYear(caseOf(of, 0.1, 6), farm)));
    return `| ${farm.nodes} nodes, ${farm.chunks.toLocaleString("en")} chunks | ${cells.join(" | ")} |`;
  });
  return [...head, ...rows];
}

/** All figures as lines of Markdown. */
export function durabilityFigures(): string {
  return [
    "### One chunk",
    "",
    ...chunkTable(),
    "",
    "### Anything at all in a farm",
    "",
    "10 % of the nodes lost a year, 6 hours to copy one node's data, at most:",
    "",
    ...farmTable(),
  ].join("\n");
}
