// What the pods of a farm say of themselves now: read from their health ports through the API server, so that nothing of the
// farm needs to be reachable from outside. Reading only; what does not answer in time is named, and the rest stands.
import { healthPort } from "../../protocol/ports.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Cluster } from "./cluster.ts";
import type { FarmSeen } from "./farm-seen.ts";

/** A pod, and the port on which it tells how it is. */
export type AskedPod = { readonly name: string; readonly namespace: string; readonly port?: number };

export type LivePath = "metrics" | "v1/status";

/** `unseen`: those that did not answer, with the reason; `forbidden`: the server's word where no pod may be asked at all. */
export type LiveAnswers = {
  readonly texts: ReadonlyMap<string, string>;
  readonly unseen: readonly { readonly pod: string; readonly why: string }[];
  readonly forbidden: string | null;
};

/** A person waits: all answers together, milliseconds. */
const allMs = 10_000;
/** Pods asked at once: the API server holds a connection for each. */
const atOnce = 8;
/** Most pods that are asked: a farm of more is looked at with its metrics. */
export const askedPodsMax = 256;
/** Largest answer, bytes: the metrics of a node with hundreds of peers have a tenth of it. */
const bytesMax = 1024 * 1024;

/** The server hands the Host on, and a gateway answers to its own names and to those of loopback alone. */
const knownHost = "localhost";

/** Asks the pod of each node of a farm. Never rejects for what a pod or the server does. */
export function askFarm(
  cluster: Pick<Cluster, "client">,
  clock: Clock,
  { namespace, nodes }: FarmSeen,
  path: LivePath,
): Promise<LiveAnswers> {
  const running = nodes.flatMap(({ status: { pod } }) => (pod === undefined ? [] : [{ name: pod, namespace }]));
  return askPods(cluster, clock, running, path);
}

/** Asks each pod for `path` of its health port. Never rejects for what a pod or the server does. */
export async function askPods(
  { client }: Pick<Cluster, "client">,
  clock: Clock,
  pods: readonly AskedPod[],
  path: LivePath,
): Promise<LiveAnswers> {
  const texts = new Map<string, string>();
  const unseen: { pod: string; why: string }[] = pods.slice(askedPodsMax).map(({ name }) => ({ pod: name, why: "too many to ask all" }));
  const waiting = pods.slice(0, askedPodsMax);
  const end = new AbortController();
  const timer = clock.after(allMs, () => end.abort());
  let forbidden: string | null = null;
  const askNext = async (): Promise<void> => {
    for (let pod = waiting.shift(); pod !== undefined; pod = waiting.shift()) {
      if (forbidden !== null || end.signal.aborted) {
        unseen.push({ pod: pod.name, why: forbidden ?? `no answer within ${allMs / 1000} s` });
        continue;
      }
      const read = await client.readText(pathOf(pod, path), { bytesMax, signal: end.signal, host: knownHost });
      if (read.ok) texts.set(pod.name, read.value);
      else {
        if (read.error.code === "forbidden") forbidden = read.error.message;
        unseen.push({ pod: pod.name, why: end.signal.aborted ? `no answer within ${allMs / 1000} s` : read.error.message });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, askNext));
  timer.cancel();
  return { texts, unseen, forbidden };
}

/** Pods that are named one by one. */
const namedMax = 3;

/** Those that did not answer in a line, with the reason of the first, and where to look if nobody did. At least one is unseen. */
export function unseenText({ texts, unseen }: LiveAnswers): string {
  const named = unseen.slice(0, namedMax).map(({ pod }) => pod);
  const more = unseen.length - named.length;
  const who = named.join(", ") + (more > 0 ? ` and ${more} more` : "");
  // Where policies are enforced the API server's proxy is kept out, and all of them are silent at once.
  const hint = texts.size > 0 ? "" : "; where network policies are enforced, docs/kubernetes/install.md says how to let the API server in";
  return `${who}: ${unseen[0]?.why ?? ""}${hint}`;
}

function pathOf({ name, namespace, port = healthPort }: AskedPod, path: string): string {
  const [of, pod] = [encodeURIComponent(namespace), encodeURIComponent(name)];
  return `/api/v1/namespaces/${of}/pods/${pod}:${port}/proxy/${path}`;
}
