// Keeps the Ingress or the HTTPRoute of a farm's gateways as its spec says, and takes away what it no longer asks for. What a
// server or somebody's admission refuses is told, and the rest of the farm goes on.
import type { Clock } from "../../runtime/clock.ts";
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { type KubeClient, KubeError, type KubeErrorCode, type KubeObject, type Resource } from "../kube/index.ts";
import { gatewayIngress, gatewayRoute } from "../manifests/gateway-exposure.ts";
import { type FarmIdentity, type Manifest, objectNames } from "../manifests/names.ts";
import type { Unexposed } from "../vault-farm/farm-look.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { isOurs, type ObjectWriter } from "./object-writer.ts";
import { appliedOnly, httpRoutes, ingresses } from "./resources.ts";

/**
 * Routes are of a kind that a cluster need not have, so no cache follows them: one is looked at where the spec changed, and
 * then so often. What was refused is tried again more often: a kind may come, a webhook wake up. Milliseconds.
 */
const routeEveryMs = 600_000;
const refusedEveryMs = 60_000;

/** Answers that nothing else of a look depends on. `server`: also of a webhook that does not answer. */
const refusals: ReadonlySet<KubeErrorCode> = new Set(["not-found", "invalid", "bad-request", "forbidden", "server"]);

type Way = {
  readonly resource: Resource;
  readonly wanted: Manifest | undefined;
  /** How often it is looked at while nothing changes. */
  readonly everyMs: number;
  shown(): Promise<KubeObject | undefined>;
};

type ExposureParts = {
  readonly farm: FarmIdentity;
  readonly spec: VaultFarmSpec;
  readonly caches: FarmCaches;
  readonly client: KubeClient;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly memory: FarmMemory;
};

/** Brings both up to date. Throws the error of a server that cannot be reached. */
export async function ensureExposure(parts: ExposureParts): Promise<void> {
  const { farm, spec, caches, client } = parts;
  const { ingress, httpRoute } = spec.gateway;
  const name = { namespace: farm.namespace, name: objectNames.gateway(farm.name) };
  const byIngress: Way = {
    resource: ingresses,
    wanted: ingress === undefined ? undefined : gatewayIngress(farm, ingress),
    everyMs: 0,
    shown: async () => caches.ingresses.store.get(name),
  };
  const byRoute: Way = {
    resource: httpRoutes,
    wanted: httpRoute === undefined ? undefined : gatewayRoute(farm, httpRoute),
    // One that nobody wants is looked for once: an earlier operator may have made it.
    everyMs: httpRoute === undefined ? Number.POSITIVE_INFINITY : routeEveryMs,
    shown: async () => {
      const read = await client.get(httpRoutes, name);
      if (!read.ok && read.error.code !== "not-found") throw read.error;
      return read.ok ? appliedOnly(read.value) : undefined;
    },
  };
  // What is no longer wanted leads to the gateways until what is wanted instead does.
  const [first, second] = httpRoute === undefined ? [byIngress, byRoute] : [byRoute, byIngress];
  await keep(parts, first);
  const isRefused = first.wanted !== undefined && parts.memory.exposure.get(first.resource.kind)?.refusal !== undefined;
  if (!isRefused) await keep(parts, second);
}

/** What is wanted and was refused, undefined where nothing was. */
export function unexposedOf({ exposure }: FarmMemory): Unexposed | undefined {
  for (const [kind, { made, refusal }] of exposure)
    if (made !== undefined && refusal !== undefined) return { kind, why: refusal.message, lacksKind: refusal.code === "not-found" };
  return undefined;
}

async function keep(parts: ExposureParts, way: Way): Promise<void> {
  const { memory, clock } = parts;
  const made = JSON.stringify(way.wanted);
  const last = memory.exposure.get(way.resource.kind);
  const everyMs = last?.refusal === undefined ? way.everyMs : refusedEveryMs;
  if (last !== undefined && last.made === made && clock.monotonicMs() - last.seenMs < everyMs) return;
  const refusal = await refusalOf(async () => apply(parts, way, await way.shown()));
  memory.exposure.set(way.resource.kind, { made, refusal, seenMs: clock.monotonicMs() });
}

async function apply({ farm, writer, memory }: ExposureParts, { resource, wanted }: Way, shown: KubeObject | undefined): Promise<void> {
  if (wanted !== undefined) {
    await writer.ensure(resource, wanted, shown);
    return;
  }
  memory.setForeign(`${resource.kind} ${objectNames.gateway(farm.name)}`, false);
  if (shown !== undefined && isOurs(shown) && shown.metadata.deletionTimestamp === undefined) await writer.remove(resource, shown);
}

async function refusalOf(call: () => Promise<void>): Promise<KubeError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof KubeError && refusals.has(error.code)) return error;
    throw error;
  }
}
