// What a vault's conduct or score, from 0 to 1, means: the words that logs, metrics, the page and the command line share.

/** Best first: from `good` downwards each begins below its threshold. */
export const standings = ["good", "warned", "slower", "distrusted", "no-new-chunks", "repaired"] as const;
export type Standing = (typeof standings)[number];

/** The value below which a standing begins. */
export const standingBelow: Readonly<Record<Exclude<Standing, "good">, number>> = {
  warned: 0.88,
  slower: 0.8,
  distrusted: 0.6,
  "no-new-chunks": 0.3,
  repaired: 0.1,
};

/** The standing of a value between 0 and 1. */
export function standingOf(value: number): Standing {
  if (value >= standingBelow.warned) return "good";
  if (value >= standingBelow.slower) return "warned";
  if (value >= standingBelow.distrusted) return "slower";
  if (value >= standingBelow["no-new-chunks"]) return "distrusted";
  return value >= standingBelow.repaired ? "no-new-chunks" : "repaired";
}
