// What a farm's pods run where nothing that can be trusted says it: an operator that is older than that note made them, or
// somebody changed the note. An operator with another image would otherwise take its own for theirs.
import type { KubeClient, KubeObject } from "../kube/index.ts";
import { components, type FarmIdentity, labels } from "../manifests/names.ts";
import type { RunningImage } from "../vault-farm/running-image.ts";
import type { FarmParts } from "./farm-caches.ts";
import { leanPod, type PodObject, pods } from "./resources.ts";

/** The image of one of the farm's pods, read live, as of `behaviourVersion`; undefined where it has none that nobody edited. Throws the server's error. */
export async function imageThere(
  farm: FarmIdentity,
  behaviourVersion: number,
  { parts, client }: { readonly parts: Pick<FarmParts, "pods">; readonly client: Pick<KubeClient, "get"> },
): Promise<RunningImage | undefined> {
  const isOwn = ({ metadata, edited }: PodObject): boolean => !edited && metadata.labels?.[labels.farmUid] === farm.uid;
  const pod = parts.pods.find(isOwn);
  if (pod === undefined) return undefined;
  const live = await client.get(pods, { namespace: farm.namespace, name: pod.metadata.name });
  if (!live.ok && live.error.code === "not-found") return undefined;
  if (!live.ok) throw live.error;
  const image = leanPod(live.value).edited ? undefined : imageOf(live.value);
  return image === undefined ? undefined : { image, behaviourVersion };
}

function imageOf(pod: KubeObject): string | undefined {
  const { spec } = pod as { readonly spec?: { readonly containers?: readonly { readonly name: string; readonly image?: string }[] } };
  return spec?.containers?.find(({ name }) => name === components.node)?.image;
}
