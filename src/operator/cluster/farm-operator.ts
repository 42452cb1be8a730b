// Which operator runs a farm where two releases watch its namespace: each would shut the other's way to the nodes by turns, and
// both would take nodes down. The one that came first has its name in the farm's map; another leaves the farm alone while that
// one lives, and says so. An operator lives, for a farm, while its lease is renewed by one that watches the farm's namespace.
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import { type KubeClient, type Lease, leases, observeLease } from "../kube/index.ts";
import { readOperator } from "../manifests/accepted-spec.ts";
import { annotations, type FarmIdentity, type Manifest } from "../manifests/names.ts";
import { acceptedOf } from "./accept-spec.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmMemory, OtherOperator } from "./farm-memory.ts";
import { must, type ObjectWriter } from "./object-writer.ts";
import { configMaps, type FarmObject, leanConfigMap } from "./resources.ts";
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
  const { operator, caches, memory } = parts;
  const before = memory.otherOperator;
  // A name that somebody wrote over, or a map that was deleted, is put right by the one that runs the farm, not by all others.
  const name = readOperator(acceptedOf(farm, caches)) ?? before?.name;
  if (name === undefined || name === operator) {
    delete memory.otherOperator;
    return false;
  }
  const now = await lookAtOperator(name, before?.name === name ? before : undefined, farm, parts);
  // Kept until the map names this one: a look that ends before that would otherwise wait for it anew.
  memory.otherOperator = now;
  if (now.name !== before?.name || now.state !== before.state) tell(object, now, parts);
  return now.state !== "over";
}

type KeepParts = {
  readonly operator: string;
  readonly caches: FarmCaches;
  readonly client: Pick<KubeClient, "get">;
  readonly memory: Pick<FarmMemory, "otherOperator">;
  readonly writer: Pick<ObjectWriter, "create" | "ensure">;
};

/** Keeps the farm's map as `wanted`, with this operator's name in it. Whether the farm is this one's: false where another came first. */
export async function keepMap(wanted: Manifest, farm: FarmIdentity, parts: KeepParts): Promise<boolean> {
  const map = acceptedOf(farm, parts.caches);
  if (map === undefined && !(await comesFirst(wanted, parts))) return false;
  await parts.writer.ensure(configMaps, wanted, map);
  return true;
}

/**
 * Whether no other operator wrote the farm's map, `wanted` with this one's name, in the moment since the cache showed none: of two
 * that are made at once a server takes one. Throws its error.
 */
async function comesFirst(wanted: Manifest, { operator, client, memory, writer }: KeepParts): Promise<boolean> {
  if (await writer.create(configMaps, wanted)) return true;
  const { name, namespace = "" } = wanted.metadata;
  const other = readOperator(leanConfigMap(must(await client.get(configMaps, { name, namespace }))));
  // One that is known was looked at already, and is over.
  if (other === undefined || other === operator || other === memory.otherOperator?.name) return true;
  memory.otherOperator = { name: other, state: "met" };
  return false;
}

function tell(object: FarmObject, { name, state, why }: OtherOperator, { operator, statusWriter, log }: OwnerParts): void {
  const facts = { namespace: object.metadata.namespace, farm: object.metadata.name, operator: name, ...(why === undefined ? {} : { why }) };
  if (state === "over") return log.warn("the operator that ran a farm is gone: this one runs it from now on", facts);
  log.warn("a farm is left alone: another operator runs it, and two must not watch one namespace", facts);
  statusWriter.warnOfOperator(object, operator, name, why);
}

// Where it cannot be read it is taken for alive: of two that act the nodes have nothing.
async function lookAtOperator(
  name: string,
  known: OtherOperator | undefined,
  farm: FarmIdentity,
  { client, clock }: OwnerParts,
): Promise<OtherOperator> {
  const [namespace = "", lease = ""] = name.split("/");
  const read = await client.get(leases, { namespace, name: lease });
  if (!read.ok) {
    const { code, message } = read.error;
    if (code === "not-found") return { name, state: "over" };
    const kept = known?.seen === undefined ? {} : { seen: known.seen };
    return code === "forbidden" ? { name, ...kept, state: "unreadable", why: message } : { name, ...kept, state: "lives" };
  }
  const nowMs = clock.monotonicMs();
  const seen = observeLease(known?.seen, read.value, nowMs);
  const isOver = !watches(read.value, farm.namespace) || nowMs - seen.sinceMs >= operatorGoneMs;
  return { name, seen, state: isOver ? "over" : "lives" };
}

// One that does not say it is older than this note, and may watch all.
function watches({ metadata }: Lease, namespace: string): boolean {
  const watched = metadata.annotations?.[annotations.watches] ?? "";
  return watched === "" || watched.split(",").includes(namespace);
}
