// The formula of a vault's score, from 0 to 1. Pure.

/** What counts: good days served, the moving mean of its audits (0 to 1), and the share of windows in which it answered. */
export type ScoreFacts = { readonly goodDays: number; readonly audits: number; readonly answered: number };

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

// Middle and slope of each curve, as the farm's economy defines them: half the score is lost at 14 good days, at audits of
// 0.9, and at nine tenths of the windows answered.
const ageCurve = { middle: 14, slope: 4 };
const auditCurve = { middle: 0.9, slope: 0.02 };
const answerCurve = { middle: 0.9, slope: 0.03 };
/** What both other curves give a vault without fault, so that it can reach 1. */
const faultless = sigmoid((1 - auditCurve.middle) / auditCurve.slope) * sigmoid((1 - answerCurve.middle) / answerCurve.slope);

/** How well a vault behaves, whatever its age: 1 without fault. */
export function conductOf({ audits, answered }: Omit<ScoreFacts, "goodDays">): number {
  const audit = sigmoid((audits - auditCurve.middle) / auditCurve.slope);
  return Math.min(1, (audit * sigmoid((answered - answerCurve.middle) / answerCurve.slope)) / faultless);
}

/** The score: conduct, weighed by how long the vault has served well (0.03 at the beginning, 0.5 after 14 good days, 0.97 after 28). */
export function scoreOf(facts: ScoreFacts): number {
  return Math.min(1, sigmoid((facts.goodDays - ageCurve.middle) / ageCurve.slope) * conductOf(facts));
}

/** After RFC45: each step of age takes twice as long as the one before: 1 after 1 good day, 2 after 3, 3 after 7. */
export function ageOf(goodDays: number): number {
  return Math.floor(Math.log2(1 + goodDays));
}

/** Weight of one audit in the moving mean: half-life 138 audits. */
export const auditWeight = 0.005;

/** The moving mean after one more audit, whose worth is between 0 and 1. */
export function nextAudits(before: number, worth: number): number {
  return before + auditWeight * (worth - before);
}
