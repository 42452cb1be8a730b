// Keeps the Ingress or the HTTPRoute of a farm's gateways as its spec says, and takes away what it no longer asks for. What a
// server or somebody's admission refuses is told, and the rest of the farm goes on.
import type { VaultFarmSpec } from "../api/vault-farm.ts";
import { gatewayIngress, gatewayRoute } from "../manifests/gateway-exposure.ts";
import { objectNames } from "../manifests/names.ts";
import type { Unmade } from "../vault-farm/farm-look.ts";
import type { FarmCaches } from "./farm-caches.ts";
import type { FarmMemory } from "./farm-memory.ts";
import { type KeepingParts, keepOptional, type OptionalObject, uncachedObject, unmadeOf } from "./keep-optional.ts";
import { httpRoutes, ingresses } from "./resources.ts";

type ExposureParts = KeepingParts & { readonly spec: VaultFarmSpec; readonly caches: FarmCaches };

/** Brings both up to date. Throws the error of a server that cannot be reached. */
export async function ensureExposure(parts: ExposureParts): Promise<void> {
  const { farm, spec, caches, memory } = parts;
  const { ingress, httpRoute } = spec.gateway;
  const name = objectNames.gateway(farm.name);
  const byIngress: OptionalObject = {
    resource: ingresses,
    name,
    wanted: ingress === undefined ? undefined : gatewayIngress(farm, ingress),
    everyMs: 0,
    shown: async () => caches.ingresses.store.get({ namespace: farm.namespace, name }),
  };
  const wantedRoute = httpRoute === undefined ? undefined : gatewayRoute(farm, httpRoute);
  const byRoute = uncachedObject(parts, { resource: httpRoutes, name, wanted: wantedRoute });
  // What is no longer wanted leads to the gateways until what is wanted instead does.
  const [first, second] = httpRoute === undefined ? [byIngress, byRoute] : [byRoute, byIngress];
  await keepOptional(parts, first);
  if (unmadeOf(first.resource.kind, memory) === undefined) await keepOptional(parts, second);
}

/** What is wanted and was refused, undefined where nothing was. */
export function unexposedOf(memory: FarmMemory): Unmade | undefined {
  return unmadeOf(httpRoutes.kind, memory) ?? unmadeOf(ingresses.kind, memory);
}
