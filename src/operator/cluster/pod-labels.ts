// Labels of a node's pod that somebody took away or changed: without them no cache shows the pod, and no Service, budget or
// policy means it. It runs on and is put right as it runs; a second pod is never made, for both would have one name.
import { labels, nodePodLabels } from "../manifests/names.ts";
import type { FarmHands } from "./hands.ts";
import { pods } from "./resources.ts";

/** Puts right the labels of pods that the caches still show. */
export async function repairPodLabels(hands: FarmHands): Promise<void> {
  for (const pod of hands.parts.pods) {
    const { name, labels: shown = {}, deletionTimestamp } = pod.metadata;
    const wanted = nodePodLabels(hands.farm, name);
    const isRight = Object.entries(wanted).every(([key, value]) => shown[key] === value || key === labels.farmUid);
    if (!isRight && deletionTimestamp === undefined && isController(pod, name, hands)) await relabel(pod, hands);
  }
}

/** There is a pod of the name of a node that the caches do not show: it has its labels again, or is said to be somebody else's. */
export async function takeUpPod(name: string, hands: FarmHands): Promise<void> {
  const { client, farm, memory } = hands;
  const live = await client.get(pods, { namespace: farm.namespace, name });
  if (!live.ok && live.error.code !== "not-found") throw live.error;
  const isOwn = live.ok && isController(live.value, name, hands);
  memory.setForeign(`${pods.kind} ${name}`, live.ok && !isOwn);
  if (live.ok && isOwn && live.value.metadata.deletionTimestamp === undefined) await relabel(live.value, hands);
}

type Pod = FarmHands["parts"]["pods"][number] | { readonly metadata: FarmHands["parts"]["pods"][number]["metadata"] };

function isController({ metadata }: Pod, name: string, { parts }: FarmHands): boolean {
  const record = parts.records.find((one) => one.metadata.name === name);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return record?.metadata.uid !== undefined && owner?.uid === record.metadata.uid;
}

async function relabel(pod: Pod, { farm, memory, clock, log, writer }: FarmHands): Promise<void> {
  const { name } = pod.metadata;
  if (!memory.mayRepair(`${pods.plural}/${farm.namespace}/${name}`, clock.monotonicMs())) return;
  log.info("a pod had lost labels of its farm and has them again", { pod: name, namespace: farm.namespace });
  await writer.relabel(pods, pod, nodePodLabels(farm, name));
}
