// The operator's view of a cluster: one cache a kind, filled by reflectors, and what it wrote itself but does not see yet. A
// farm is only decided about while all of it is fresh.
import type { Clock } from "../../runtime/clock.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { LeavingReason } from "../api/vault-node.ts";
import {
  createReflector,
  type KubeClient,
  type KubeError,
  type KubeMetrics,
  type KubeObject,
  objectKey,
  type Projection,
  type Reflector,
  type Resource,
  wholeObject,
} from "../kube/index.ts";
import { labels } from "../manifests/names.ts";
import {
  type AppliedObject,
  accounts,
  appliedOnly,
  budgets,
  type ClaimObject,
  claims,
  configMaps,
  type DeploymentObject,
  deployments,
  type FarmObject,
  farms,
  ingresses,
  leanClaim,
  leanConfigMap,
  leanDeployment,
  leanMachine,
  leanPod,
  leanService,
  type MachineObject,
  machines,
  type NodeRecord,
  nodeRecords,
  type PodObject,
  pods,
  policies,
  type ServiceObject,
  services,
  storageClasses,
  wholeFarm,
  wholeNodeRecord,
} from "./resources.ts";

/** What `byFarm` gives for one farm. */
export type FarmParts = {
  readonly records: readonly NodeRecord[];
  readonly pods: readonly PodObject[];
  readonly claims: readonly ClaimObject[];
  /** Nodes under whose name there is a claim of which nothing says that it was made for them. */
  readonly foreignVolumes?: readonly string[];
};

/** Caches of what is in no namespace: one of each, however many namespaces are watched. */
export type ClusterCaches = {
  readonly machines: Reflector<MachineObject>;
  readonly storageClasses: Reflector<KubeObject>;
};

export type FarmCaches = ClusterCaches & {
  readonly farms: Reflector<FarmObject>;
  readonly records: Reflector<NodeRecord>;
  readonly pods: Reflector<PodObject>;
  readonly claims: Reflector<ClaimObject>;
  readonly accounts: Reflector<AppliedObject>;
  readonly services: Reflector<ServiceObject>;
  readonly configMaps: Reflector<AppliedObject>;
  readonly deployments: Reflector<DeploymentObject>;
  readonly budgets: Reflector<AppliedObject>;
  readonly policies: Reflector<AppliedObject>;
  readonly ingresses: Reflector<AppliedObject>;
  /** All of them. */
  readonly all: readonly Reflector<KubeObject>[];
  /** Those of what is in a namespace. */
  readonly ofNamespace: readonly Reflector<KubeObject>[];
  /** The one of a kind, by its plural. */
  readonly ofKind: ReadonlyMap<string, Reflector<KubeObject>>;
  /** What there is of a farm. `farm`: namespace/name. */
  byFarm(farm: string): FarmParts;
  /** Claims with the farm's label that are no node's: somebody else's, to be left alone. */
  strangerClaims(farm: string): readonly ClaimObject[];
  /** Records of all farms whose node is being replaced by another. */
  beingReplaced(): readonly NodeRecord[];
  /** Whether every cache has heard of its server lately. */
  isFresh(): boolean;
  /** Why one that is no longer fresh may not be read, where the server forbids it. */
  forbidden(): KubeError | undefined;
};

export type CacheTools = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Pick<KubeMetrics, "reflector">;
  /** The one namespace that is watched; absent: all. */
  readonly namespace?: string;
};

/** A cache that heard nothing for so long is not decided by, milliseconds: a bookmark comes every minute. */
const freshMs = 180_000;

/** Key of the farm that an object belongs to by its label: namespace/name. */
export function farmKeyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}/${metadata.labels?.[labels.farm] ?? ""}`;
}

export function createClusterCaches(tools: Omit<CacheTools, "namespace">): ClusterCaches {
  const follow = <T extends KubeObject>(resource: Resource, project: Projection<T>): Reflector<T> =>
    createReflector<T>({ resource, project }, { ...tools, metrics: tools.metrics.reflector(resource.plural) });
  return { machines: follow(machines, leanMachine), storageClasses: follow(storageClasses, wholeObject) };
}

export function createFarmCaches(tools: CacheTools, cluster: ClusterCaches = createClusterCaches(tools)): FarmCaches {
  const { namespace } = tools;
  const follow = <T extends KubeObject>(resource: Resource, project: Projection<T>, ours: boolean): Reflector<T> =>
    createReflector<T>(
      {
        resource,
        project,
        ...(namespace === undefined ? {} : { namespace }),
        // What other programs made is never read, however much there is of it.
        ...(ours ? { labelSelector: labels.farm, indexers: { farm: (object: T) => [farmKeyOf(object)] } } : {}),
      },
      { ...tools, metrics: tools.metrics.reflector(resource.plural) },
    );
  const caches = {
    ...cluster,
    farms: follow(farms, wholeFarm, false),
    // Also those that a person made without our labels.
    records: createReflector<NodeRecord>(
      {
        resource: nodeRecords,
        project: wholeNodeRecord,
        ...(namespace === undefined ? {} : { namespace }),
        // Of ten thousand records those that are being replaced are wanted at every look.
        indexers: { farm: (record) => [farmKeyOfRecord(record)], leaving: (record) => [leavingOf(record)] },
      },
      { ...tools, metrics: tools.metrics.reflector(nodeRecords.plural) },
    ),
    pods: follow(pods, leanPod, true),
    claims: follow(claims, leanClaim, true),
    accounts: follow(accounts, appliedOnly, true),
    services: follow(services, leanService, true),
    configMaps: follow(configMaps, leanConfigMap, true),
    deployments: follow(deployments, leanDeployment, true),
    budgets: follow(budgets, appliedOnly, true),
    policies: follow(policies, appliedOnly, true),
    ingresses: follow(ingresses, appliedOnly, true),
  };
  const all = Object.values(caches) as unknown as readonly Reflector<KubeObject>[];
  const ofCluster: readonly unknown[] = Object.values(cluster);
  return {
    ...caches,
    all,
    ofNamespace: all.filter((cache) => !ofCluster.includes(cache)),
    ofKind: new Map(all.map((cache) => [cache.name.replace("reflector ", ""), cache])),
    byFarm: (farm) => ({
      records: caches.records.store.byIndex("farm", farm),
      pods: caches.pods.store.byIndex("farm", farm).filter(isNodePod),
      claims: caches.claims.store.byIndex("farm", farm).filter(isNodeClaim),
    }),
    strangerClaims: (farm) => caches.claims.store.byIndex("farm", farm).filter((claim) => !isNodeClaim(claim)),
    beingReplaced: () => caches.records.store.byIndex("leaving", replaced),
    isFresh: () => all.every((cache) => cache.isSynced() && cache.sinceContactMs() < freshMs),
    forbidden: () =>
      all.flatMap((cache) => (cache.sinceContactMs() < freshMs ? [] : (cache.trouble() ?? []))).find(({ code }) => code === "forbidden"),
  };
}

function isNodePod({ metadata }: PodObject): boolean {
  return metadata.labels?.[labels.node] !== undefined;
}

// Labels that were copied to another claim name another node than it is: what is on its volume is none of the farm's affair.
function isNodeClaim({ metadata }: ClaimObject): boolean {
  return metadata.labels?.[labels.node] === metadata.name;
}

/** A record belongs to the farm that its spec names. */
export function farmKeyOfRecord({ metadata, spec }: NodeRecord): string {
  const farm = typeof spec === "object" && spec !== null ? Reflect.get(spec, "farm") : undefined;
  return `${metadata.namespace ?? ""}/${typeof farm === "string" ? farm : ""}`;
}

const replaced: LeavingReason = "Replaced";

/** Why the operator has a node leave, as its record says; empty where it does not. */
function leavingOf({ spec }: NodeRecord): string {
  const inside = (of: unknown, name: string): unknown => (typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined);
  const leaving = inside(inside(spec, "assigned"), "leaving");
  return typeof leaving === "string" ? leaving : "";
}

/** Writes of a farm that its caches do not show yet. */
export type OwnWrites = {
  /** An object was written; the cache must show it, or a later version. */
  wrote(resource: Resource, object: KubeObject): void;
  /** An object was deleted; the cache must show it gone, or `going`: with a date of deletion, for something still holds it. */
  deleted(resource: Resource, object: KubeObject, how: "going" | "gone"): void;
  /** Whether the caches show all of it. What is not shown for a minute is not waited for. */
  areSeen(): boolean;
};

type Awaited = {
  readonly cache: Reflector<KubeObject>;
  readonly key: string;
  readonly uid: string | undefined;
  readonly version: bigint | "going" | "gone";
  readonly untilMs: number;
};

/** Another program may have changed the object at once, so that its version is never shown, milliseconds. */
export const unseenMs = 60_000;

export function createOwnWrites(caches: FarmCaches, clock: Clock): OwnWrites {
  let awaited: readonly Awaited[] = [];
  const add = (resource: Resource, object: KubeObject, version: Awaited["version"]): void => {
    const cache = caches.ofKind.get(resource.plural);
    if (cache === undefined) return;
    const { metadata } = object;
    awaited = [...awaited, { cache, key: objectKey(metadata), uid: metadata.uid, version, untilMs: clock.monotonicMs() + unseenMs }];
  };
  const isSeen = ({ cache, key, uid, version, untilMs }: Awaited): boolean => {
    if (clock.monotonicMs() >= untilMs) return true;
    const shown = cache.store.byKey(key);
    if (typeof version === "bigint") return shown !== undefined && versionOf(shown) >= version;
    // Another one of that name was made after it.
    if (shown === undefined || shown.metadata.uid !== uid) return true;
    return version === "going" && shown.metadata.deletionTimestamp !== undefined;
  };
  return {
    wrote: (resource, object) => add(resource, object, versionOf(object)),
    deleted: (resource, object, how) => add(resource, object, how),
    areSeen: () => {
      awaited = awaited.filter((one) => !isSeen(one));
      return awaited.length === 0;
    },
  };
}

/** Versions are numbers that grow (Kubernetes 1.35 promises it; etcd's always did). */
export function versionOf({ metadata }: KubeObject): bigint {
  const text = metadata.resourceVersion ?? "0";
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}
