// The operator, built top to bottom: client of the API server, caches, election, a controller of farms, health and metrics.
import { readFile } from "node:fs/promises";
import type { Clock } from "../runtime/clock.ts";
import { createHttpServer, type HttpServer, problemAnswer } from "../runtime/http-server.ts";
import type { Log } from "../runtime/log.ts";
import { createMetricsRegistry, type MetricsRegistry } from "../runtime/metrics-registry.ts";
import type { Random } from "../runtime/random.ts";
import type { Program } from "../runtime/run-until-signal.ts";
import type { Environment } from "../runtime/settings.ts";
import { softwareVersion } from "../runtime/software-version.ts";
import { ensureKinds } from "./cluster/ensure-kinds.ts";
import { createClusterCaches, createFarmCaches, type FarmCaches, farmKeyOf, farmKeyOfRecord } from "./cluster/farm-caches.ts";
import { createNetworkKeyring } from "./cluster/network-keys.ts";
import { createNodePoll } from "./cluster/node-poll.ts";
import { createFarmReconciler, type FarmReconciler } from "./cluster/reconcile-farm.ts";
import { releaseWithNamespace } from "./cluster/release-records.ts";
import { createReplacingTurns } from "./cluster/replacing-turn.ts";
import { deployments, type FarmObject, fieldManager } from "./cluster/resources.ts";
import { createStatusWriter } from "./cluster/status-writer.ts";
import { createWatchedFarms } from "./cluster/watched-farms.ts";
import type { OperatorConfig } from "./config.ts";
import {
  type Change,
  type Controller,
  createController,
  createElector,
  createEventRecorder,
  createKubeMetrics,
  createManager,
  createRunProgram,
  type EventRecorder,
  isMoreThanStatus,
  type KubeClient,
  type KubeMetrics,
  type Manager,
  type OwnerReference,
  objectKey,
  openKubeClient,
  parseKey,
  readKubeConfig,
} from "./kube/index.ts";
import { annotations } from "./manifests/names.ts";
import { type CountedFarm, createOperatorMetrics, type OperatorMetrics } from "./metrics.ts";
import { type CallMember, callMember } from "./node-access/http-call.ts";

export type OperatorTools = { readonly clock: Clock; readonly random: Random; readonly log: Log; readonly env: Environment };

/** What it acts through: the API server, and requests to the nodes. */
export type OperatorReach = {
  readonly client: KubeClient;
  readonly call: CallMember;
  readonly registry: MetricsRegistry;
  readonly metrics: KubeMetrics;
};

/** Time for one look at a farm, after which it is cut short between two steps: a thousand nodes that do not answer, and a proof under way. */
const lookTimeoutMs = 120_000;

/** The program of an operator. `failed` resolves where it may no longer act, so that it ends. */
export function createOperator(config: OperatorConfig, tools: OperatorTools): Program {
  const registry = createMetricsRegistry({ processMetrics: true });
  const metrics = createKubeMetrics(registry);
  const stopping = new AbortController();
  const failed = Promise.withResolvers<Error>();
  let manager: Manager | undefined;
  let running: Promise<void> | undefined;
  let client: KubeClient | undefined;
  const health = createHealth(config, { registry, isReady: () => manager?.isReady() ?? false, log: tools.log });
  return {
    failed: failed.promise,
    start: async () => {
      await health.start();
      const world = { readText: (path: string) => readFile(path, "utf8"), clock: tools.clock, run: createRunProgram(tools.env) };
      const kube = await readKubeConfig(tools.env, world);
      client = openKubeClient(kube, { ...tools, metrics }, { fieldManager, userAgent: `vaultfarm/${softwareVersion}` });
      manager = createFarmManager(config, tools, { client, call: callMember, registry, metrics });
      running = manager.run(stopping.signal).then(
        (end) => (end === "lost" ? failed.resolve(new Error("another operator may lead now: this one ends")) : undefined),
        (cause: unknown) => failed.resolve(new Error("the operator cannot go on", { cause })),
      );
    },
    stop: async () => {
      stopping.abort(new Error("the operator stops"));
      await running;
      if (client !== undefined) await letNamespaceGo(config.namespace, client, tools.log);
      await client?.close();
      await health.stop();
    },
  };
}

// Its own namespace may be why it is stopped.
async function letNamespaceGo(namespace: string, client: KubeClient, log: Log): Promise<void> {
  try {
    const released = await releaseWithNamespace(namespace, client);
    if (released > 0) log.info("the namespace is being deleted, so its nodes are let go", { namespace, nodes: released });
  } catch (cause) {
    log.warn("whether the namespace is being deleted could not be seen", { namespace, cause });
  }
}

/** The farms' controller with its caches and election, not yet running. */
export function createFarmManager(config: OperatorConfig, tools: Omit<OperatorTools, "env">, reach: OperatorReach): Manager {
  const { clock, random, log } = tools;
  const { client, metrics } = reach;
  const own = createOperatorMetrics(reach.registry);
  const recorder = createEventRecorder({ client, clock, log, metrics, component: "vaultfarm-operator" });
  const cluster = createClusterCaches({ ...tools, client, metrics });
  const cachesOf = (scope: { readonly namespace?: string }): FarmCaches =>
    createFarmCaches({ ...tools, client, metrics, ...scope }, cluster);
  const scopes: Scopes =
    config.watched.length === 0
      ? new Map([[everywhere, cachesOf({})]])
      : new Map([...new Set(config.watched)].map((namespace) => [namespace, cachesOf({ namespace })]));
  const caches = [...scopes.values()];
  own.watchNamespaces(() => [...scopes].flatMap(([namespace, of]) => (of.forbidden() === undefined ? [] : [namespace || "all"])));
  own.watchFarms(() => caches.flatMap((of) => [...of.farms.store.values()].map((farm) => countFarm(farm, of))));
  const controller = controlFarms(scopes, { ...reach, config, tools, recorder, own });
  const elector = createElector(
    {
      namespace: config.namespace,
      name: config.lease,
      identity: config.identity,
      owner: () => ownDeployment(config, client),
      annotations: { [annotations.watches]: config.watched.join() },
    },
    { client, clock, random, log, metrics: metrics.elector(config.lease) },
  );
  return createManager({
    reflectors: [cluster.machines, cluster.storageClasses],
    namespaces: new Map([...scopes].map(([namespace, of]) => [namespace || "all", of.ofNamespace])),
    elector,
    leaders: [{ name: "kinds", start: () => ensureKinds(client, log) }, recorder, controller],
    clock,
    log,
  });
}

// So that the lease goes with it where Helm takes away the right to give it back first.
async function ownDeployment({ deployment, namespace }: OperatorConfig, client: KubeClient): Promise<OwnerReference | undefined> {
  if (deployment === undefined) return undefined;
  const read = await client.get(deployments, { namespace, name: deployment });
  const uid = read.ok ? read.value.metadata.uid : undefined;
  return uid === undefined ? undefined : { apiVersion: deployments.apiVersion, kind: deployments.kind, name: deployment, uid };
}

function countFarm({ metadata, spec, status }: FarmObject, caches: FarmCaches): CountedFarm {
  const field = (of: unknown, name: string): unknown => (typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined);
  const number = (value: unknown): number => (typeof value === "number" ? value : 0);
  return {
    wanted: number(field(spec, "replicas")),
    made: caches.byFarm(objectKey(metadata)).records.length,
    ready: number(field(status, "readyNodes")),
    conditions: (field(status, "conditions") ?? []) as CountedFarm["conditions"],
  };
}

type Controlling = OperatorReach & {
  readonly config: OperatorConfig;
  readonly tools: Omit<OperatorTools, "env">;
  readonly recorder: EventRecorder;
  readonly own: OperatorMetrics;
};

/** Caches by the namespace that they hold, or one for all under `everywhere`, which is no namespace's name. */
type Scopes = ReadonlyMap<string, FarmCaches>;
const everywhere = "";

// One for all namespaces: what is limited (farms looked at side by side, questions to nodes, lost nodes replaced) is so over all farms.
function controlFarms(scopes: Scopes, { config, tools, client, call, metrics, recorder, own }: Controlling): Controller {
  const caches = [...scopes.values()];
  const watched = createWatchedFarms(caches);
  const shared = {
    ...tools,
    watched,
    turns: createReplacingTurns({ watched, clock: tools.clock }),
    client,
    keyring: createNetworkKeyring(client, tools),
    poll: createNodePoll(call),
    call,
    statusWriter: createStatusWriter({ client, recorder, ...tools }),
    image: { image: config.image, pullPolicy: config.imagePullPolicy, pullSecrets: config.imagePullSecrets },
    operatorNamespace: config.namespace,
    operator: `${config.namespace}/${config.lease}`,
    metrics: own,
  };
  const reconcilers = new Map([...scopes].map(([namespace, of]) => [namespace, createFarmReconciler({ ...shared, caches: of })]));
  const reconcilerOf = (key: string): FarmReconciler => {
    const reconciler = reconcilers.get(everywhere) ?? reconcilers.get(parseKey(key).namespace ?? "");
    if (reconciler === undefined) throw new Error(`a farm of a namespace that is not watched: ${key}`);
    return reconciler;
  };
  const controller = createController(
    {
      name: "vaultfarm",
      workers: config.workers,
      reconcile: (key, { signal }) => reconcilerOf(key).reconcile(key, signal),
      timeoutMs: lookTimeoutMs,
      keys: () => caches.flatMap(({ farms }) => [...farms.store.keys()]),
    },
    { ...tools, metrics },
  );
  for (const of of caches) follow(controller, of);
  return controller;
}

function follow(controller: Controller, caches: FarmCaches): void {
  // Statuses are no news to the operator: it wrote them.
  controller.follow(caches.farms, (change) => (isMoreThanStatus(change) ? [objectKey(subjectOf(change).metadata)] : []));
  controller.follow(caches.records, (change) => (isMoreThanStatus(change) ? [farmKeyOfRecord(subjectOf(change))] : []));
  const { pods, claims, accounts, services, deployments, budgets, policies, ingresses, configMaps } = caches;
  for (const cache of [pods, claims, accounts, services, deployments, budgets, policies, ingresses, configMaps])
    controller.follow(cache, (change) => [farmKeyOf(subjectOf(change))]);
}

function subjectOf<T>(change: Change<T>): T {
  return change.kind === "removed" ? change.before : change.object;
}

type HealthParts = { readonly registry: MetricsRegistry; isReady(): boolean; readonly log: Log };

// Alive as long as it answers; ready once its caches are filled, also while another one leads.
function createHealth({ listenIp, port }: OperatorConfig, { registry, isReady, log }: HealthParts): HttpServer {
  return createHttpServer(
    {
      name: "health server",
      ip: listenIp,
      port,
      portSetting: "VAULTFARM_OPERATOR_PORT",
      bodyMax: 0,
      connectionsMax: 64,
      requestTimeoutMs: 10_000,
    },
    async ({ path, method }) => {
      if (method !== "GET" && method !== "HEAD") return problemAnswer(405, "method", "only read here");
      if (path === "/healthz") return { status: 200, body: "ok\n" };
      if (path === "/readyz")
        return isReady() ? { status: 200, body: "ok\n" } : problemAnswer(503, "not-ready", "the caches are not filled yet");
      if (path === "/metrics") return { status: 200, headers: { "content-type": registry.contentType }, body: await registry.text() };
      return problemAnswer(404, "not-found", "known here: /healthz, /readyz, /metrics");
    },
    log,
  );
}
