// A whole operator in virtual time: the real manager with caches, election, controller, reconciler and events, over an API
// server in memory, a small cluster beside it, and simulated vault nodes.
import { definitions } from "../../../src/operator/cluster/ensure-kinds.ts";
import { farms, nodeRecords, secrets } from "../../../src/operator/cluster/resources.ts";
import { type OperatorConfig, readConfig } from "../../../src/operator/config.ts";
import type { KubeClient } from "../../../src/operator/kube/client.ts";
import { createKubeMetrics } from "../../../src/operator/kube/metrics.ts";
import { collectionPath, type KubeObject, type Resource } from "../../../src/operator/kube/resource.ts";
import type { CallMember } from "../../../src/operator/node-access/http-call.ts";
import { createFarmManager } from "../../../src/operator/operator.ts";
import { adminPort } from "../../../src/protocol/ports.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { createMetricsRegistry, type MetricsRegistry } from "../../../src/runtime/metrics-registry.ts";
import { seededRandom } from "../../../src/runtime/random.ts";
import { createVirtualClock, type VirtualClock } from "../../../src/runtime/virtual-clock.ts";
import { createMemoryKube, type MemoryKube } from "./memory-kube.ts";
import { type SimulatedCluster, startSimulatedCluster } from "./simulated-cluster.ts";
import { createSimulatedNodes, type SimulatedNodes } from "./simulated-nodes.ts";

export type Json = Readonly<Record<string, unknown>>;
export type Shown = KubeObject & { readonly spec?: Json; readonly status?: Json };
export type Condition = { readonly type: string; readonly status: string; readonly reason: string; readonly message: string };

export type OperatorWorld = {
  readonly clock: VirtualClock;
  readonly kube: MemoryKube;
  readonly cluster: SimulatedCluster;
  readonly nodes: SimulatedNodes;
  readonly registry: MetricsRegistry;
  /** All objects of a kind in the farm's namespace, as a person sees them. */
  all(resource: Resource): readonly Shown[];
  farm(): Shown;
  condition(type: string): Condition | undefined;
  create(resource: Resource, object: KubeObject): void;
  /** A person's change. */
  edit(resource: Resource, name: string, patch: Json, subresource?: "status"): void;
  remove(resource: Resource, name: string): void;
  /** Virtual time goes on until `look` holds; throws with what the farm says after `withinMs`. */
  until(what: string, look: () => boolean, withinMs?: number): Promise<void>;
  /** `image`: that it comes with; `watched`: the namespaces whose farms it runs, empty: all. */
  startOperator(image?: string, watched?: readonly string[]): void;
  stopOperator(): Promise<void>;
  /** How the operator that was started last ended by itself: "lost", where another may lead. */
  ended(): string | undefined;
  /** Its process ends at once: nothing it asked for is answered any more, nothing more is asked, the lease is kept. */
  killOperator(): void;
  /** Called after each signed command that a node carried out. */
  afterCommand: () => void;
};

type Life = { dead: boolean };

export const namespace = "farms";
export const farmName = "attic";

/** `watched`: the namespaces whose farms the operator runs, by name; absent: all. */
export type WorldOptions = { readonly machines?: number; readonly seed?: number; readonly watched?: readonly string[] };

/** A world with `spec` as the farm's, and an operator that runs. */
export function createOperatorWorld(spec: Json, options: WorldOptions = {}): OperatorWorld {
  const clock = createVirtualClock();
  const kube = createMemoryKube(clock);
  const nodes = createSimulatedNodes(clock);
  const cluster = startSimulatedCluster({ objects: kube.objects, nodes, clock }, options.machines ?? 6);
  const registry = createMetricsRegistry({ processMetrics: false });
  const human = (subresource?: "status") => ({ manager: "person", subresource });
  const all = (resource: Resource): readonly Shown[] =>
    [...kube.objects.list(collectionPath(resource), undefined)].filter(
      ({ metadata }) => !resource.namespaced || metadata.namespace === namespace,
    );
  const farm = (): Shown => kube.objects.get(collectionPath(farms), { namespace, name: farmName });
  const conditions = (): readonly Condition[] => (farm().status?.["conditions"] ?? []) as readonly Condition[];
  let stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  let starts = options.seed ?? 0;
  let life: Life = { dead: false };
  let end: string | undefined;
  const config: OperatorConfig = readConfig({
    VAULTFARM_OPERATOR_NAMESPACE: "system",
    VAULTFARM_OPERATOR_IDENTITY: "one",
    VAULTFARM_OPERATOR_DEPLOYMENT: "vaultfarm",
    VAULTFARM_OPERATOR_IMAGE: "vaultfarm:1",
    VAULTFARM_OPERATOR_NAMESPACES: (options.watched ?? []).join(),
  });
  const world: OperatorWorld = {
    ...{ clock, kube, cluster, nodes, registry, all, farm },
    condition: (type) => conditions().find((one) => one.type === type),
    create: (resource, object) => {
      const placed = resource.namespaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
      kube.objects.create(collectionPath(resource), { ...placed, apiVersion: resource.apiVersion, kind: resource.kind }, human());
    },
    edit: (resource, name, patch, subresource) => {
      kube.objects.merge(collectionPath(resource), resource.namespaced ? { namespace, name } : { name }, { ...patch }, human(subresource));
    },
    remove: (resource, name) => {
      kube.objects.remove(collectionPath(resource), resource.namespaced ? { namespace, name } : { name }, {});
    },
    until: async (what, look, withinMs = 600_000) => {
      const untilMs = clock.monotonicMs() + withinMs;
      while (!look()) {
        if (clock.monotonicMs() >= untilMs) throw new Error(`not within ${withinMs} ms of virtual time: ${what}\n${describe(world)}`);
        await clock.advance(500);
      }
    },
    startOperator: (image = config.image, watched = config.watched) => {
      stopping = new AbortController();
      starts += 1;
      const metrics = createKubeMetrics(starts === 1 + (options.seed ?? 0) ? registry : createMetricsRegistry({ processMetrics: false }));
      const own = starts === 1 + (options.seed ?? 0) ? registry : createMetricsRegistry({ processMetrics: false });
      const tools = { clock, random: seededRandom(starts), log: silentLog };
      life = { dead: false };
      const reach = { client: mortalClient(kube.client, life), call: mortalCall(world, life), registry: own, metrics };
      end = undefined;
      running = createFarmManager({ ...config, image, watched }, tools, reach)
        .run(stopping.signal)
        .then((how) => {
          end = how;
        });
    },
    stopOperator: async () => {
      stopping.abort(new Error("the test stops it"));
      await clock.runUntil(running);
    },
    ended: () => end,
    killOperator: () => {
      life.dead = true;
      // What is left of it can do nothing any more; its timers end.
      stopping.abort(new Error("the test kills it"));
      running.catch(() => undefined);
    },
    afterCommand: () => undefined,
  };
  // As Helm installs them, older than this operator.
  for (const name of ["vaultfarms.vaultfarm.dev", "vaultnodes.vaultfarm.dev"])
    kube.objects.create(collectionPath(definitions), { metadata: { name } }, human());
  kube.objects.create(
    collectionPath(farms),
    { apiVersion: farms.apiVersion, kind: farms.kind, metadata: { name: farmName, namespace }, spec } as KubeObject,
    human(),
  );
  world.startOperator();
  return world;
}

const never = <T>(): Promise<T> => new Promise(() => {});

function mortalClient(client: KubeClient, life: Life): KubeClient {
  return new Proxy(client, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: readonly unknown[]) => Promise<unknown>;
      return async (...args: readonly unknown[]) => {
        if (life.dead) return never();
        const answer = await method.apply(target, [...args]);
        return life.dead ? never() : answer;
      };
    },
  });
}

function mortalCall(world: Pick<OperatorWorld, "nodes" | "afterCommand">, life: Life): CallMember {
  return async (asked) => {
    if (life.dead) return never();
    const reply = await world.nodes.call(asked);
    if (asked.port === adminPort) world.afterCommand();
    return life.dead ? never() : reply;
  };
}

/** Stops the operator and the cluster. */
export async function endWorld(world: OperatorWorld): Promise<void> {
  world.kube.fault = () => undefined;
  await world.stopOperator();
  world.cluster.stop();
}

function describe(world: OperatorWorld): string {
  const { conditions, plan, ...status } = world.farm().status ?? {};
  const lines = ((conditions ?? []) as readonly Condition[]).map(
    ({ type, status: value, reason, message }) => `${type}=${value} ${reason}: ${message}`,
  );
  const records = world
    .all(nodeRecords)
    .map(({ metadata, spec, status: seen }) => JSON.stringify([metadata.name, metadata.deletionTimestamp, spec, seen?.["state"]]));
  return [JSON.stringify(status), ...lines, JSON.stringify(plan), ...records, `${world.all(secrets).length} secrets`].join("\n");
}

export const farmSpec: Json = {
  replicas: 5,
  vaultsPerNode: 2,
  vaultCapacity: "1Gi",
  copies: { min: 4, target: 5, max: 8 },
  storage: { storageClassName: "fast" },
};

/** Whether `nodes` are there, all ready, and nothing is left to do. */
export function isSettled(world: OperatorWorld, nodes: number): boolean {
  return (
    world.all(nodeRecords).length === nodes &&
    world.farm().status?.["readyNodes"] === nodes &&
    // Also where it keeps what was wanted before.
    ["Settled", "SpecNotCarriedOut"].includes(world.condition("Progressing")?.reason ?? "") &&
    world.condition("GatewayReady")?.status === "True"
  );
}

/** A settled farm with chunks on it. */
export async function settledWorld(spec: Json = farmSpec, chunks = 40, options: WorldOptions = {}): Promise<OperatorWorld> {
  const world = createOperatorWorld(spec, options);
  const nodes = Number(spec["replicas"]);
  await world.until("the farm is installed", () => isSettled(world, nodes));
  world.nodes.store(chunks);
  await world.clock.advance(120_000);
  return world;
}
