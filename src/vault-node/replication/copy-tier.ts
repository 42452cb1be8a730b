// How pressing a chunk is by the live copies it has left, which decides how long a silent node is waited for.
import type { Purpose } from "../../protocol/closest.ts";
import type { RepairDelays } from "./replication-limits.ts";

/** enough: at least `min` copies · few: one less · fewest: fewer still. */
export const copyTiers = ["fewest", "few", "enough"] as const;
export type CopyTier = (typeof copyTiers)[number];

/** The tier of a chunk with `copies` live copies where `min` must be. */
export function tierOf(copies: number, min: number): CopyTier {
  if (copies >= min) return "enough";
  return copies === min - 1 ? "few" : "fewest";
}

/** The purpose under which the place index is asked for a tier. */
export const tierPurpose: Readonly<Record<CopyTier, Purpose>> = {
  enough: "keep",
  few: "keepWhenFew",
  fewest: "keepWhenFewest",
};

/** The tiers at which a node that has been silent for `silentMs` still counts. */
export function tiersAfter(silentMs: number, delays: RepairDelays): readonly CopyTier[] {
  return copyTiers.filter((tier) => silentMs < delays[tier]);
}
