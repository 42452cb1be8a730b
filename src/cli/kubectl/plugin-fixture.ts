// For tests: `kubectl vaultfarm` against the in-process API server, found by a KUBECONFIG file, with a farm of three nodes in it.
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import { type FakeApiServer, startFakeApiServer } from "../../../test/support/fake-api-server.ts";
import { apiVersion } from "../../operator/api/vault-farm.ts";
import { claims, configMaps, farms, nodeRecords, pods, secrets, volumes } from "../../operator/cluster/resources.ts";
import { defineResource, type KubeObject, type Resource } from "../../operator/kube/index.ts";
import { collectionPath } from "../../operator/kube/resource.ts";
import { nodeFinalizer } from "../../operator/manifests/names.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Ended, runInProcess } from "../command-fixture.ts";
import type { CommandWorld } from "../command-world.ts";
import { kubectlVaultfarm } from "./command-line.ts";
import { type KubectlVerb, type Right, rights } from "./rights.ts";

export const events: Resource = defineResource({ apiVersion: "v1", kind: "Event", plural: "events", namespaced: true });
const resources = [farms, nodeRecords, pods, claims, volumes, secrets, configMaps, events];
export const namespace = "home";
export const by = { manager: "test", subresource: undefined };

type Fields = Readonly<Record<string, unknown>>;
type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** `beyond`: what answers the ways to Services and pods, and a pod's log, and what happens before a call is answered; replaced by whoever tests them. */
export type PluginCluster = {
  readonly folder: string;
  readonly beyond: { proxy: Handle; log: Handle; before: (request: IncomingMessage) => void };
  server(): FakeApiServer;
  kubectl(args: readonly string[], change?: Partial<CommandWorld>): Promise<Ended>;
  make(resource: Resource, name: string, fields?: Fields, meta?: Fields): void;
};

/** A cluster for the tests of this file: empty before each of them, gone after all. */
export function usePluginCluster(): PluginCluster {
  const folder = mkdtempSync(join(tmpdir(), "kubectl-vaultfarm-"));
  const end: Handle = (_request, response) => response.end();
  const beyond: PluginCluster["beyond"] = { proxy: end, log: end, before: () => {} };
  let server: FakeApiServer;
  before(async () => {
    const answers = (request: IncomingMessage, response: ServerResponse): boolean => {
      beyond.before(request);
      if (request.url?.includes("/proxy/") === true) beyond.proxy(request, response);
      else if (request.url?.includes("/log?") === true) beyond.log(request, response);
      else return false;
      return true;
    };
    server = await startFakeApiServer({ resources, protocol: "http1", beyond: answers });
  });
  beforeEach(() => {
    server.requests.length = 0;
    writeConfig(folder, server.url);
  });
  afterEach(() => removeAll(server));
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    beyond,
    server: () => server,
    kubectl: (args, change = {}) => runInProcess(args, folder, { baseEnv: { KUBECONFIG: "config" }, ...change }, kubectlVaultfarm),
    make: (resource, name, fields = {}, meta = {}) => {
      const of = resource.namespaced ? { namespace } : {};
      const object = { apiVersion: resource.apiVersion, kind: resource.kind, metadata: { name, ...of, ...meta }, ...fields };
      server.objects.create(collectionPath(resource), object as KubeObject, by);
    },
  };
}

function writeConfig(folder: string, url: URL): void {
  const clusters = [{ name: "c", cluster: { server: url.href } }];
  const contexts = [
    { name: "mine", context: { cluster: "c", user: "u", namespace } },
    { name: "other", context: { cluster: "c", user: "u", namespace: "elsewhere" } },
  ];
  const config = { "current-context": "mine", clusters, contexts, users: [{ name: "u", user: { token: "t" } }] };
  writeFileSync(join(folder, "config"), JSON.stringify(config));
}

function removeAll(server: FakeApiServer): void {
  for (const resource of resources)
    for (const object of server.objects.list(collectionPath(resource), undefined)) {
      const { name, namespace: of } = object.metadata;
      const at = of === undefined ? { name } : { namespace: of, name };
      if ((object.metadata.finalizers ?? []).length > 0)
        server.objects.merge(collectionPath(resource), at, { metadata: { finalizers: null } }, by);
      if (server.objects.list(collectionPath(resource), of).some(({ metadata }) => metadata.name === name))
        server.objects.remove(collectionPath(resource), at, {});
    }
}

/** Sleeps are over at once, and the time they take has passed; what happens meanwhile is `meanwhile`. */
export function hastened(meanwhile: () => void): Clock {
  let ahead = 0;
  const sleep = async (delayMs: number): Promise<void> => {
    ahead += delayMs;
    meanwhile();
  };
  return { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + ahead, sleep };
}

/** A condition that has been so for three minutes. */
export const condition = (type: string, status: string, reason: string, message: string): object => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: new Date(systemClock.wallMs() - 180_000).toISOString(),
});

/** The farm `attic`, of which one node is not ready and one is to leave. */
export function makeFarm({ make }: PluginCluster, status: Fields = {}): void {
  const conditions = [
    condition("Ready", "False", "NodesNotReady", "2 of 3 nodes are ready; attic-ccccc starts."),
    condition("Progressing", "True", "Working", "prove-node attic-aaaaa: it is to leave."),
    condition("Degraded", "False", "AllWell", "Nothing that was there is missing."),
    condition("SpreadSatisfied", "Unknown", "NoZones", "The cluster's nodes carry no zone label."),
  ];
  const plan = [
    { action: "prove-node", node: "attic-aaaaa", why: "it is to leave", waiting: false },
    { action: "wait", node: "attic-bbbbb", why: "one node at a time", waiting: true },
  ];
  const whole = { nodes: 3, readyNodes: 2, vaults: 9, used: "1.2Gi", capacity: "90Gi", chunksBelowMin: 0, conditions, plan, ...status };
  make(
    farms,
    "attic",
    { apiVersion, spec: { replicas: 4 }, status: whole },
    { annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" } },
  );
}

/** Its node `attic-END`. */
export function makeNode({ make }: PluginCluster, end: string, status: Fields = {}, spec: Fields = {}): void {
  const meta = { finalizers: [nodeFinalizer] };
  make(nodeRecords, `attic-${end}`, { spec: { farm: "attic", desired: "Active", assigned: {}, ...spec }, status }, meta);
}

/** The farm with three nodes in two zones. */
export function makeAll(cluster: PluginCluster): void {
  makeFarm(cluster);
  makeNode(cluster, "aaaaa", {
    state: "Draining",
    zone: "a",
    ready: true,
    used: "400Mi",
    capacity: "30Gi",
    chunks: 120,
    score: "0.90",
    drain: { left: 7 },
  });
  makeNode(cluster, "bbbbb", {
    state: "Active",
    zone: "b",
    ready: true,
    used: "800Mi",
    capacity: "30Gi",
    chunks: 90,
    score: "0.20",
    atRiskIfStopped: 3,
  });
  makeNode(cluster, "ccccc", {
    state: "Active",
    zone: "b",
    conditions: [condition("Ready", "False", "Starting", "The pod runs, and the node is not ready yet.")],
  });
}

/** What the requests needed, as a Role or, where it is in all namespaces, a ClusterRole names it. */
export function used({ server }: PluginCluster): readonly string[] {
  const verbs: Readonly<Record<string, string>> = { POST: "create", PATCH: "patch", DELETE: "delete" };
  return server().requests.map((request) => {
    const [method = "", path = ""] = request.split("?", 1)[0]?.split(" ") ?? [];
    const inGroup = path.replace(/^\/(api|apis\/[^/]+)\/[^/]+\//, "");
    const [plural = "", name, subresource] = inGroup.replace(/^namespaces\/[^/]+\//, "").split("/");
    const verb = verbs[method] ?? (name === undefined ? "list" : "get");
    const where = inGroup.startsWith("namespaces/") ? "" : " everywhere";
    return `${verb} ${subresource === undefined ? plural : `${plural}/${subresource}`}${where}`;
  });
}

/** What the verb documents, in the same words. */
export function documented(verb: KubectlVerb): readonly string[] {
  const all: readonly Right[] = rights[verb];
  return all.flatMap(({ verbs, resource, everywhere }) =>
    verbs.map((one) => `${one} ${resource}${everywhere === true ? " everywhere" : ""}`),
  );
}

/** Fails where the requests so far needed a right that the verb does not document. */
export function withinRights(cluster: PluginCluster, verb: KubectlVerb): void {
  const granted = documented(verb);
  assert.deepEqual(
    used(cluster).filter((one) => !granted.includes(one)),
    [],
    `${verb} uses what it does not document`,
  );
  assert.notEqual(cluster.server().requests.length, 0);
}
