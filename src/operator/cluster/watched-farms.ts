// What holds over all farms of an operator, whichever of its namespaces they are in: caches hold one namespace each where
// namespaces are watched by name.
import type { KubeError } from "../kube/index.ts";
import { type FarmCaches, farmKeyOfRecord } from "./farm-caches.ts";
import type { FarmObject, NodeRecord } from "./resources.ts";

export type WatchedFarms = {
  /** Every farm, of every namespace that is watched. */
  all(): Iterable<FarmObject>;
  /** The farm of that key: namespace/name. */
  byKey(farm: string): FarmObject | undefined;
  /** Why farms of a namespace are not among them, where one was never read. */
  unread(): KubeError | undefined;
  /** Records of nodes that are being replaced by others, of farms where somebody works on it. */
  beingReplaced(): readonly NodeRecord[];
  /** Whether anything that was begun in the farm of that key can end. */
  isWorkedOn(farm: string): boolean;
};

type Scope = Pick<FarmCaches, "farms" | "beingReplaced" | "forbidden">;

/** `scopes`: the caches of each namespace, or the ones that hold all of them. */
export function createWatchedFarms(scopes: readonly Scope[]): WatchedFarms {
  return {
    all: () => scopes.flatMap(({ farms }) => [...farms.store.values()]),
    byKey: (farm) => scopes.map(({ farms }) => farms.store.byKey(farm)).find((found) => found !== undefined),
    unread: () => scopes.map(({ farms }) => (farms.isSynced() ? undefined : farms.trouble())).find((error) => error !== undefined),
    beingReplaced: () => scopes.flatMap((scope) => scope.beingReplaced().filter((record) => isWorkedOn(farmKeyOfRecord(record), scope))),
    isWorkedOn: (farm) => scopes.some((scope) => isWorkedOn(farm, scope)),
  };
}

// In a farm that is paused, asleep, gone or going, or that may not be read any more, nothing ends, and whoever waited for it would
// wait for good.
function isWorkedOn(key: string, { farms, forbidden }: Scope): boolean {
  const farm = farms.store.byKey(key);
  if (farm === undefined || farm.metadata.deletionTimestamp !== undefined || forbidden() !== undefined) return false;
  const { paused, replicas } = (farm.spec ?? {}) as { readonly paused?: unknown; readonly replicas?: unknown };
  return paused !== true && replicas !== 0;
}
