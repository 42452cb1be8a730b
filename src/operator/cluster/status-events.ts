// Which conditions are worth an event: those that turned, and those that tell of another trouble under the reason that they had.
import type { ConditionNow } from "../api/conditions.ts";
import type { StatusCondition } from "../api/status-fields.ts";
import type { EventWords } from "../kube/index.ts";
import { isOtherTrouble } from "../vault-farm/status-write.ts";

/** Conditions whose turn to this status is something that a person should look at. */
const warnings: ReadonlySet<string> = new Set([
  "Ready False",
  "Degraded True",
  "DataAtRisk True",
  "CapacityLow True",
  "SpecAccepted False",
  "NetworkJoined False",
  "NoSpareNode True",
]);

/** What a person asked for is nothing to be warned of. */
const asWished: ReadonlySet<string> = new Set(["Ready Hibernating", "Ready GoingToSleep", "NetworkJoined Asleep"]);

/** Told also where nothing was said before. */
const warnsAtOnce: ReadonlySet<string> = new Set(["SpecAccepted False", "Degraded True"]);

/** The events of a farm whose conditions were `before`. Pure. */
export function conditionEvents(before: readonly StatusCondition[], conditions: readonly ConditionNow[]): readonly EventWords[] {
  return conditions.flatMap((condition): readonly EventWords[] => {
    const { type, status, reason, message } = condition;
    // What nobody looked at yet said nothing.
    const known = before.find((one) => one.type === type && one.reason !== "NotLookedAt");
    // What a farm begins with is no event, and what it works on is in its plan.
    if (known === undefined ? !warnsAtOnce.has(`${type} ${status}`) : type === "Progressing" || !isNews(known, condition)) return [];
    // Nor is it that a farm which wakes is not awake yet.
    const isWaking = known !== undefined && (asWished.has(`${type} ${known.reason}`) || (type === "Ready" && known.status === "False"));
    const expected = asWished.has(`${type} ${reason}`) || isWaking;
    return [{ type: warnings.has(`${type} ${status}`) && !expected ? "Warning" : "Normal", reason, message }];
  });
}

function isNews(known: StatusCondition, now: ConditionNow): boolean {
  return known.reason !== now.reason || isOtherTrouble(known, now);
}
