// Labels of a node's pod that somebody took away or changed, and its owner: without labels no cache shows the pod, and no Service,
// budget or policy means it; without owner it would outlive its VaultNode. It runs on and is put right as it runs; a second pod is never made, for both would have one name.
import type { OwnerReference } from "../kube/index.ts";
import { annotations, nodePodLabels, ownedByNode } from "../manifests/names.ts";
import type { FarmParts } from "./farm-caches.ts";
import type { FarmHands } from "./hands.ts";
import { hasNodeLabels } from "./node-marks.ts";
import { pods } from "./resources.ts";

/** Puts right the labels and owners of pods that the caches still show. */
export async function repairPodLabels(hands: FarmHands): Promise<void> {
  for (const pod of hands.parts.pods) {
    const { name, labels: shown = {}, deletionTimestamp } = pod.metadata;
    const isRight = hasNodeLabels(shown, name, hands) && controllerOf(pod) !== undefined;
    if (!isRight && deletionTimestamp === undefined && isOwn(pod, name, hands)) await putRight(pod, hands);
  }
}

/** There is a pod of the name of a node that the caches do not show: it has its labels again, or is said to be somebody else's. */
export async function takeUpPod(name: string, hands: FarmHands): Promise<void> {
  const { client, farm, memory } = hands;
  const live = await client.get(pods, { namespace: farm.namespace, name });
  if (!live.ok && live.error.code !== "not-found") throw live.error;
  const isNodes = live.ok && isOwn(live.value, name, hands);
  memory.setForeign(`${pods.kind} ${name}`, live.ok && !isNodes);
  if (live.ok && isNodes && live.value.metadata.deletionTimestamp === undefined) await putRight(live.value, hands);
}

type Pod = FarmHands["parts"]["pods"][number] | { readonly metadata: FarmHands["parts"]["pods"][number]["metadata"] };

// A pod that has lost its controller too is known by what it was made with.
function isOwn({ metadata }: Pod, name: string, { parts }: FarmHands): boolean {
  const uid = uidOfRecord(name, parts);
  const owner = controllerOf({ metadata });
  return uid !== undefined && (owner === undefined ? metadata.annotations?.[annotations.template] !== undefined : owner.uid === uid);
}

function controllerOf({ metadata }: Pod): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

function uidOfRecord(name: string, { records }: FarmParts): string | undefined {
  return records.find(({ metadata }) => metadata.name === name)?.metadata.uid;
}

async function putRight(pod: Pod, hands: FarmHands): Promise<void> {
  const { farm, memory, clock, log, writer } = hands;
  const { name, ownerReferences = [] } = pod.metadata;
  if (!memory.mayRepair(`${pods.plural}/${farm.namespace}/${name}`, clock.monotonicMs())) return;
  log.info("a pod had lost labels or owner of its farm and has them again", { pod: name, namespace: farm.namespace });
  const owner = ownedByNode({ name, uid: uidOfRecord(name, hands.parts) ?? "" });
  const owners = controllerOf(pod) === undefined ? [...ownerReferences.filter(({ uid }) => uid !== owner.uid), owner] : ownerReferences;
  await writer.mark(pods, pod, { labels: nodePodLabels(farm, name), ownerReferences: owners });
}
