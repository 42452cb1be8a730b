// Calls that the API server forbids: a right that was taken away, a quota, a policy of the cluster. They end nobody else's
// work, are shown with the farm, and are tried again often enough that nobody has to wait once the right is back.
import type { Log } from "../../runtime/log.ts";
import type { KubeError } from "../kube/index.ts";
import type { OperatorMetrics } from "../metrics.ts";
import type { FarmMemory } from "./farm-memory.ts";
import type { FarmObject } from "./resources.ts";
import type { StatusWriter } from "./status-writer.ts";
import { unlessForbidden } from "./unless-forbidden.ts";

/** How often a farm with a forbidden call is looked at, milliseconds. */
export const refusedEveryMs = 15_000;
/** Where a status cannot say it a log does, this often, milliseconds. */
const logEveryMs = 600_000;

type Telling = {
  readonly memory: Pick<FarmMemory, "refusal">;
  readonly statusWriter: Pick<StatusWriter, "refuseCall" | "warnOfRefusal">;
  readonly metrics: Pick<OperatorMetrics, "callRefused">;
  readonly log: Log;
};

/** Shows that `error` ended the look at `farm`: in its status, or where that is forbidden too, by an event, a log line and a metric. */
export async function tellRefused(farm: FarmObject, error: KubeError, nowMs: number, telling: Telling): Promise<void> {
  const { memory, statusWriter, metrics, log } = telling;
  const loggedMs = memory.refusal?.loggedMs;
  memory.refusal = { why: error.message, ...(loggedMs === undefined ? {} : { loggedMs }) };
  const shown = (await unlessForbidden(() => statusWriter.refuseCall(farm, error.message))) === undefined;
  metrics.callRefused(shown ? "shown" : "not-shown");
  if (shown || nowMs - (loggedMs ?? Number.NEGATIVE_INFINITY) < logEveryMs) return;
  memory.refusal = { why: error.message, loggedMs: nowMs };
  statusWriter.warnOfRefusal(farm, error.message);
  const { namespace, name } = farm.metadata;
  log.error("the API server forbids a call, and to say so in the farm's status", { namespace, farm: name, cause: error });
}
