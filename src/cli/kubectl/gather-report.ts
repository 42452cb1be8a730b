// What goes into a report of a farm, and what is cut out of it. What may not be read is left out and named.
import { claims, type FarmObject, pods } from "../../operator/cluster/resources.ts";
import { defineResource, type KubeObject, type Resource } from "../../operator/kube/index.ts";
import { labels } from "../../operator/manifests/names.ts";
import type { CommandWorld } from "../command-world.ts";
import { type Cluster, listNodes } from "./cluster.ts";
import { farmSeen } from "./farm-seen.ts";
import { farmTree } from "./farm-tree.ts";
import { planNow } from "./plan.ts";
import { type FarmPlan, planText } from "./plan-text.ts";
import { type LeftOut, type PodWords, readPodWords } from "./pod-words.ts";
import { redacted } from "./redacted.ts";

/** `status`, `planText`: what the verbs status and plan show. */
export type FarmReport = Pick<PodWords, "logs" | "metrics" | "statuses"> & {
  readonly format: 2;
  readonly madeAt: string;
  readonly namespace: string;
  readonly status: string;
  readonly planText: string;
  readonly plan: FarmPlan;
  readonly farm: unknown;
  readonly nodes: readonly unknown[];
  readonly pods: readonly unknown[];
  readonly claims: readonly unknown[];
  readonly events: readonly unknown[];
  readonly leftOut: readonly LeftOut[];
};

/** Most events that are taken in: the last ones. */
const eventsMax = 1000;

const events: Resource = defineResource({ apiVersion: "v1", kind: "Event", plural: "events", namespaced: true });

type Objects = { readonly [of in "nodes" | "pods" | "claims" | "events" | "operators"]: readonly KubeObject[] };

/** Gathers the report. Throws the server's error where not even the nodes may be read. */
export async function gatherReport(cluster: Cluster, { clock }: Pick<CommandWorld, "clock">, farm: FarmObject): Promise<FarmReport> {
  const leftOut: LeftOut[] = [];
  const objects = await listObjects(cluster, farm, leftOut);
  const words = await readPodWords(cluster, clock, objects);
  const seen = farmSeen(farm, objects.nodes);
  const style = { wide: true, nowMs: clock.wallMs() };
  const plan = planNow(seen, words.live);
  return {
    format: 2,
    madeAt: new Date(style.nowMs).toISOString(),
    namespace: seen.namespace,
    status: farmTree(seen, style),
    planText: planText(plan, style),
    plan,
    farm: redacted(lean(farm)),
    nodes: objects.nodes.map((node) => redacted(lean(node))),
    pods: objects.pods.map((pod) => redacted(podState(pod))),
    claims: objects.claims.map((claim) => redacted(lean(claim))),
    events: objects.events.map((event) => redacted(lean(event))),
    logs: words.logs,
    metrics: words.metrics,
    statuses: words.statuses,
    leftOut: [...leftOut, ...words.leftOut],
  };
}

async function listObjects(cluster: Cluster, farm: FarmObject, leftOut: LeftOut[]): Promise<Objects> {
  const { name, namespace = cluster.namespace } = farm.metadata;
  const listed = async (resource: Resource, labelSelector: string, of?: string): Promise<readonly KubeObject[]> => {
    const where = { ...(of === undefined ? {} : { namespace: of }), ...(labelSelector === "" ? {} : { labelSelector }) };
    const result = await cluster.client.listAll(resource, where);
    if (result.ok) return result.value.items;
    leftOut.push({ what: of === undefined ? `${resource.plural} of all namespaces` : resource.plural, why: result.error.message });
    return [];
  };
  const nodes = await listNodes(cluster, farm);
  const ofFarm = `${labels.farm}=${name}`;
  const [ownPods, ownClaims] = [await listed(pods, ofFarm, namespace), await listed(claims, ofFarm, namespace)];
  const names = new Set([farm, ...nodes, ...ownPods, ...ownClaims].map(({ metadata }) => metadata.name));
  const own = (await listed(events, "", namespace)).filter(
    (event) => names.has(involved(event)) || involved(event).startsWith(`${name}-gateway`),
  );
  const operators = await listed(pods, `${labels.name}=vaultfarm,${labels.component}=operator`);
  return { nodes, pods: ownPods, claims: ownClaims, events: own.slice(-eventsMax), operators };
}

function involved(event: KubeObject): string {
  const { involvedObject } = event as KubeObject & { readonly involvedObject?: { readonly name?: string } };
  return involvedObject?.name ?? "";
}

/** Without what is long and says nothing; of annotations only ours, for others' may hold anything. */
function lean(object: KubeObject): unknown {
  const { managedFields: _managed, annotations, ...metadata } = object.metadata;
  const ours = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith("vaultfarm.dev/"));
  return { ...object, metadata: { ...metadata, ...(ours.length === 0 ? {} : { annotations: Object.fromEntries(ours) }) } };
}

/** A pod without its spec: that holds the environment. */
function podState(pod: KubeObject): unknown {
  const { spec, status } = pod as KubeObject & { readonly spec?: { readonly nodeName?: string }; readonly status?: unknown };
  const { metadata } = lean(pod) as KubeObject;
  return { metadata, host: spec?.nodeName ?? null, status: status ?? null };
}
