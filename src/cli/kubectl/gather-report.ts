// What goes into a report of a farm, and what is cut out of it. What may not be read is left out and named.
import { claims, type FarmObject, pods } from "../../operator/cluster/resources.ts";
import { defineResource, type KubeObject, type Resource } from "../../operator/kube/index.ts";
import { labels } from "../../operator/manifests/names.ts";
import { type Cluster, listNodes } from "./cluster.ts";
import { readPodLog } from "./pod-log.ts";
import { redacted } from "./redacted.ts";

export type FarmReport = {
  readonly format: 1;
  readonly madeAt: string;
  readonly namespace: string;
  readonly farm: unknown;
  readonly nodes: readonly unknown[];
  readonly pods: readonly unknown[];
  readonly claims: readonly unknown[];
  readonly events: readonly unknown[];
  readonly logs: readonly { readonly pod: string; readonly namespace: string; readonly lines: readonly string[] }[];
  readonly leftOut: readonly LeftOut[];
};
type LeftOut = { readonly what: string; readonly why: string };

/** Last lines of an operator pod's log. */
const logLines = 2000;
/** Most events and operator pods that are taken in. */
const eventsMax = 1000;
const operatorPodsMax = 4;

const events: Resource = defineResource({ apiVersion: "v1", kind: "Event", plural: "events", namespaced: true });

/** Gathers the report. Throws the server's error where not even the nodes may be read. */
export async function gatherReport(cluster: Cluster, farm: FarmObject, madeAt: string): Promise<FarmReport> {
  const { client } = cluster;
  const { name, namespace = cluster.namespace } = farm.metadata;
  const leftOut: LeftOut[] = [];
  const listed = async (resource: Resource, labelSelector: string, of?: string): Promise<readonly KubeObject[]> => {
    const where = { ...(of === undefined ? {} : { namespace: of }), ...(labelSelector === "" ? {} : { labelSelector }) };
    const result = await client.listAll(resource, where);
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
  return {
    format: 1,
    madeAt,
    namespace,
    farm: redacted(lean(farm)),
    nodes: nodes.map((node) => redacted(lean(node))),
    pods: ownPods.map((pod) => redacted(podState(pod))),
    claims: ownClaims.map((claim) => redacted(lean(claim))),
    events: own.slice(-eventsMax).map((event) => redacted(lean(event))),
    logs: await readLogs(cluster, operators.slice(0, operatorPodsMax), leftOut),
    leftOut,
  };
}

async function readLogs(cluster: Cluster, operators: readonly KubeObject[], leftOut: LeftOut[]): Promise<FarmReport["logs"]> {
  const logs: FarmReport["logs"][number][] = [];
  for (const { metadata } of operators) {
    const { name, namespace = "" } = metadata;
    const read = await readPodLog(cluster, { namespace, name }, logLines);
    if (read.ok) logs.push({ pod: name, namespace, lines: read.value });
    else leftOut.push({ what: `log of ${namespace}/${name}`, why: read.error.message });
  }
  return logs;
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
