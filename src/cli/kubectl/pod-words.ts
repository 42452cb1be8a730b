// What the pods of a farm and of the operator say, for a report: the ends of their logs, their metrics, the nodes' own status.
// Everything has a limit, for a report is to be handed on; what is beyond it, or may not be read, is left out and named.
import type { KubeObject } from "../../operator/kube/index.ts";
import { labels } from "../../operator/manifests/names.ts";
import { gatewayPort, healthPort } from "../../protocol/ports.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Cluster } from "./cluster.ts";
import { type AskedPod, askPods, type LiveAnswers } from "./live-farm.ts";
import { readPodLog } from "./pod-log.ts";
import { redacted, redactedText } from "./redacted.ts";

export type LeftOut = { readonly what: string; readonly why: string };
type PodText = { readonly pod: string; readonly namespace: string; readonly text: string };
/** `live`: the metrics of the nodes alone, as they came. */
export type PodWords = {
  readonly logs: readonly { readonly pod: string; readonly namespace: string; readonly lines: readonly string[] }[];
  readonly metrics: readonly PodText[];
  readonly statuses: readonly { readonly node: string; readonly status: unknown }[];
  readonly live: LiveAnswers;
  readonly leftOut: readonly LeftOut[];
};

/** Last lines of a pod's log; where they are too long, a tenth of them. */
const logLines = 2000;
const fewerLogLines = 200;
/** Characters of all logs together. */
const logCharactersMax = 32 * 1024 * 1024;
/** Most operator pods, and most nodes and gateways, that are taken in. */
const operatorPodsMax = 4;
const farmPodsMax = 64;

type Pods = { readonly pods: readonly KubeObject[]; readonly operators: readonly KubeObject[] };

/** Reads it. Never rejects for what a pod or the server does. */
export async function readPodWords(cluster: Cluster, clock: Clock, { pods, operators }: Pods): Promise<PodWords> {
  const [farmPods, operatorPods] = [pods.slice(0, farmPodsMax), operators.slice(0, operatorPodsMax)];
  const leftOut: LeftOut[] = [...pods.slice(farmPodsMax), ...operators.slice(operatorPodsMax)].map((pod) => ({
    what: `log and metrics of ${nameOf(pod)}`,
    why: `at most ${farmPodsMax} pods of a farm and ${operatorPodsMax} of the operator are taken in`,
  }));
  const nodePods = farmPods.filter(isNode).map((pod) => placeOf(pod, healthPort));
  const live = await askPods(cluster, clock, nodePods, "metrics");
  const statuses = await askPods(cluster, clock, nodePods, "v1/status");
  const gateways = farmPods.filter((pod) => !isNode(pod)).map((pod) => placeOf(pod, gatewayPort));
  const operatorPlaces = operatorPods.map((pod) => placeOf(pod, healthPort));
  const others: readonly (readonly [readonly AskedPod[], LiveAnswers])[] = [
    [nodePods, live],
    [gateways, await askPods(cluster, clock, gateways, "metrics")],
    [operatorPlaces, await askPods(cluster, clock, operatorPlaces, "metrics")],
  ];
  for (const [, { unseen }] of others) leftOut.push(...unseen.map(({ pod, why }) => ({ what: `metrics of ${pod}`, why })));
  leftOut.push(...statuses.unseen.map(({ pod, why }) => ({ what: `status of ${pod}`, why })));
  return {
    logs: await readLogs(cluster, [...operatorPods, ...farmPods], leftOut),
    metrics: others.flatMap(([places, { texts }]) => places.flatMap((place) => textOf(place, texts))),
    statuses: [...statuses.texts].map(([node, text]) => ({ node, status: parsed(text) })),
    live,
    leftOut,
  };
}

async function readLogs(cluster: Cluster, pods: readonly KubeObject[], leftOut: LeftOut[]): Promise<PodWords["logs"]> {
  const logs: PodWords["logs"][number][] = [];
  let characters = 0;
  for (const pod of pods) {
    const { name, namespace = "" } = pod.metadata;
    const what = `log of ${nameOf(pod)}`;
    if (characters >= logCharactersMax) {
      leftOut.push({ what, why: `the logs before it have ${logCharactersMax} characters` });
      continue;
    }
    const whole = await readPodLog(cluster, { namespace, name }, logLines);
    const tooLong = !whole.ok && whole.error.code === "too-large";
    const read = tooLong ? await readPodLog(cluster, { namespace, name }, fewerLogLines) : whole;
    if (read.ok) {
      logs.push({ pod: name, namespace, lines: read.value });
      characters += read.value.reduce((sum, line) => sum + line.length, 0);
      if (tooLong) leftOut.push({ what: `${what} before its last ${fewerLogLines} lines`, why: whole.error.message });
    } else leftOut.push({ what, why: read.error.message });
  }
  return logs;
}

function isNode({ metadata }: KubeObject): boolean {
  return metadata.labels?.[labels.node] !== undefined;
}

function placeOf({ metadata: { name, namespace = "" } }: KubeObject, port: number): AskedPod {
  return { name, namespace, port };
}

function nameOf({ metadata: { name, namespace = "" } }: KubeObject): string {
  return `${namespace}/${name}`;
}

function textOf({ name, namespace }: AskedPod, texts: ReadonlyMap<string, string>): readonly PodText[] {
  const text = texts.get(name);
  return text === undefined ? [] : [{ pod: name, namespace, text: redactedText(text) }];
}

function parsed(text: string): unknown {
  try {
    return redacted(JSON.parse(text));
  } catch {
    return redactedText(text);
  }
}
