// Keeps the ServiceMonitor of a farm as its spec says. What became of it is known before the status is written: people are told
// that Prometheus knows of the farm when it does.
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { objectNames } from "../manifests/names.ts";
import { serviceMonitor } from "../manifests/service-monitor.ts";
import type { Monitoring } from "../vault-farm/farm-look.ts";
import { type KeepingParts, keepOptional, uncachedObject, unmadeOf } from "./keep-optional.ts";
import { serviceMonitors } from "./resources.ts";

const notOurs = "there is one of that name which was not made for this farm";

/** Brings it up to date, unless the farm is paused. What became of it, undefined where none is wanted. Throws the error of a server that cannot be reached. */
export async function ensureMonitoring(parts: KeepingParts & { readonly spec: VaultFarmSpec }): Promise<Monitoring | undefined> {
  const { farm, spec, memory } = parts;
  const { kind } = serviceMonitors;
  const name = objectNames.serviceMonitor(farm.name);
  const wanted = spec.monitoring.serviceMonitor ? serviceMonitor(farm, spec.monitoring) : undefined;
  if (!spec.paused) await keepOptional(parts, uncachedObject(parts, { resource: serviceMonitors, name, wanted }));
  if (wanted === undefined) return undefined;
  if (memory.kept.get(kind)?.made !== JSON.stringify(wanted)) return { name, state: "not-looked-at" };
  const isForeign = memory.foreign().includes(`${kind} ${name}`);
  const unmade = isForeign ? { kind, why: notOurs, lacksKind: false } : unmadeOf(kind, memory);
  return { name, state: unmade ?? "made" };
}
