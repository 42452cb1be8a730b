// Which operator runs a farm where two releases watch its namespace: each would shut the other's way to the nodes by turns, and
// both would take nodes down. The one that came first has its name in the farm's map; another leaves the farm alone while that
// one lives, and says so. An operator lives while its lease is renewed.
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { type KubeClient, leases, observeLease } from "../kube/index.ts";
import { readOperator } from "../manifests/accepted-spec.ts";
import type { FarmIdentity } from "../manifests/names.ts";
import { acceptedOf } from "./accept-spec.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import type { FarmObject } from "./resources.ts";
import type { StatusWriter } from "./status-writer.ts";

/** An operator is over once its lease was as it is for so long, milliseconds: four times what a lease lasts, so that no restart of it is taken for its end. */
export const operatorGoneMs = 60_000;

type OwnerParts = {
  readonly operator: string;
  readonly caches: FarmCaches;
  readonly client: Pick<KubeClient, "get">;
  readonly memory: Pick<FarmMemory, "otherOperator">;
  readonly statusWriter: Pick<StatusWriter, "warnOfOperator">;
  readonly clock: Clock;
  readonly log: Log;
};

/** Whether the farm is another operator's, which lives: nothing may be written then. An event of the farm and the log say it once. */
export async function isRunByOther(object: FarmObject, farm: FarmIdentity, parts: OwnerParts): Promise<boolean> {
  const { operator, caches, memory, log } = parts;
  const name = readOperator(acceptedOf(farm, caches));
  const facts = { namespace: farm.namespace, farm: farm.name, operator: name };
  if (name === undefined || name === operator) {
    delete memory.otherOperator;
    return false;
  }
  const isNews = memory.otherOperator?.name !== name;
  if (await isOver(name, parts)) {
    log.warn("the operator that ran a farm is gone: this one runs it from now on", facts);
    delete memory.otherOperator;
    return false;
  }
  if (!isNews) return true;
  log.warn("a farm is left alone: another operator runs it, and two must not watch one namespace", facts);
  parts.statusWriter.warnOfOperator(object, operator, name);
  return true;
}

// Where it cannot be read it is taken for alive: of two that act the nodes have nothing.
async function isOver(name: string, { client, memory, clock }: OwnerParts): Promise<boolean> {
  const [namespace = "", lease = ""] = name.split("/");
  const read = await client.get(leases, { namespace, name: lease });
  const nowMs = clock.monotonicMs();
  const known = memory.otherOperator?.name === name ? memory.otherOperator.seen : undefined;
  const seen = read.ok ? observeLease(known, read.value, nowMs) : known;
  memory.otherOperator = { name, ...(seen === undefined ? {} : { seen }) };
  if (!read.ok) return read.error.code === "not-found";
  return seen !== undefined && nowMs - seen.sinceMs >= operatorGoneMs;
}
