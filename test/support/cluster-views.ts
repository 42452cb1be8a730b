// What the tests against a cluster read of its objects: as they are served, only the fields that are asked about.
import { openTunnel, type Tunnel } from "./cluster-tools.ts";
import { until } from "./deadline.ts";
import { type Samples, scrape } from "./node-metrics.ts";

type Meta = { readonly name: string; readonly uid: string; readonly generation?: number; readonly deletionTimestamp?: string };
export type ConditionView = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
};
export type FarmView = {
  readonly metadata: Meta;
  readonly spec: { readonly replicas: number };
  readonly status?: {
    readonly networkId?: string;
    readonly readyNodes?: number;
    readonly conditions?: readonly ConditionView[];
    readonly plan?: readonly unknown[];
  };
};
type Conditioned = { readonly metadata: Meta; readonly status?: { readonly conditions?: readonly ConditionView[] } };
export type NodeView = {
  readonly metadata: Meta;
  readonly spec: { readonly assigned?: { readonly leaving?: string; readonly released?: boolean } };
  readonly status?: { readonly peerId?: string; readonly conditions?: readonly ConditionView[] };
};
export type PodView = {
  readonly metadata: Meta & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly lastTransitionTime?: string }[];
    readonly containerStatuses?: readonly { readonly state?: { readonly running?: { readonly startedAt: string } } }[];
  };
};

const group = "/apis/vaultfarm.dev/v1alpha1";

/** The API server, asked through one `kubectl proxy` instead of a process for each question. */
export type ClusterViews = {
  /** An object; undefined where there is none. */
  get<T>(path: string): Promise<T | undefined>;
  farm(namespace: string, name: string): Promise<FarmView>;
  nodes(namespace: string, farm: string): Promise<readonly NodeView[]>;
  /** Pods of vault nodes. */
  pods(namespace: string, farm: string): Promise<readonly PodView[]>;
  /** Pods of gateways, those that are ending too. */
  gateways(namespace: string, farm: string): Promise<readonly PodView[]>;
  /** What the vault node of a pod says of itself, by way of the API server: where policies are enforced it is let in first (`openToApiServer`). */
  metrics(namespace: string, pod: string): Promise<Samples>;
  close(): Promise<void>;
};

export async function openViews(): Promise<ClusterViews> {
  let proxy: Tunnel = await openTunnel("proxy", "--port=0");
  const urlOf = async (path: string): Promise<string> => {
    if (!proxy.isOpen()) proxy = await openTunnel("proxy", "--port=0");
    return `${proxy.url}${path}`;
  };
  const get = async <T>(path: string): Promise<T | undefined> => {
    const answer = await fetch(await urlOf(path), { signal: AbortSignal.timeout(20_000) });
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const items = async <T>(path: string): Promise<readonly T[]> => (await get<{ readonly items: readonly T[] }>(path))?.items ?? [];
  return {
    get,
    farm: async (namespace, name) => {
      const farm = await get<FarmView>(`${group}/namespaces/${namespace}/vaultfarms/${name}`);
      if (farm === undefined) throw new Error(`there is no VaultFarm ${namespace}/${name}`);
      return farm;
    },
    nodes: (namespace, farm) => items(`${group}/namespaces/${namespace}/vaultnodes?labelSelector=vaultfarm.dev/farm%3D${farm}`),
    pods: (namespace, farm) => items(`/api/v1/namespaces/${namespace}/pods?labelSelector=vaultfarm.dev/farm%3D${farm},vaultfarm.dev/node`),
    gateways: (namespace, farm) =>
      items(`/api/v1/namespaces/${namespace}/pods?labelSelector=vaultfarm.dev/farm%3D${farm},app.kubernetes.io/component%3Dgateway`),
    metrics: async (namespace, pod) => scrape(await urlOf(`/api/v1/namespaces/${namespace}/pods/${pod}:9090/proxy`)),
    close: () => proxy.close(),
  };
}

/** The condition `type` of a farm, undefined while there is none for the newest spec. */
export function conditionOf({ metadata, status }: Conditioned, type: string): ConditionView | undefined {
  return status?.conditions?.find((one) => one.type === type && one.observedGeneration === metadata.generation);
}

export function isReady({ status }: PodView): boolean {
  return status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

/** Names of the nodes once the farm has `count` of them, all ready, and nothing is left to do. */
export function untilSettled(
  views: ClusterViews,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { nodes: count, withinMs }: { readonly nodes: number; readonly withinMs: number },
): Promise<readonly string[]> {
  return until(
    `${name} has ${count} ready nodes and nothing to do`,
    async () => {
      const farm = await views.farm(namespace, name);
      const [nodes, pods] = await Promise.all([views.nodes(namespace, name), views.pods(namespace, name)]);
      const isAtRest = ["Settled", "SpecNotCarriedOut"].includes(conditionOf(farm, "Progressing")?.reason ?? "");
      const settled = conditionOf(farm, "Ready")?.status === "True" && isAtRest;
      const ready = pods.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined).length;
      return settled && nodes.length === count && ready === count && nodes.map(({ metadata }) => metadata.name).sort();
    },
    withinMs,
  );
}
