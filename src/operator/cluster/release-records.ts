// Records of nodes that are let go without a drain, because what they belonged to goes as a whole: their farm, or the
// namespace. Their volumes are not touched by it.
import { vaultFarmKind } from "../api/kinds.ts";
import { defineResource, type KubeClient, type Resource } from "../kube/index.ts";
import { nodeFinalizer } from "../manifests/names.ts";
import { must, type ObjectWriter } from "./object-writer.ts";
import { type NodeRecord, nodeRecords } from "./resources.ts";

const namespaces: Resource = defineResource({ apiVersion: "v1", kind: "Namespace", plural: "namespaces", namespaced: false });

/** Lets go those that are being deleted: for a farm that is gone, since nobody is left who could take over what they hold. */
export async function releaseDeleted(records: readonly NodeRecord[], writer: Pick<ObjectWriter, "release">): Promise<void> {
  for (const record of records)
    if (record.metadata.deletionTimestamp !== undefined) await writer.release(nodeRecords, record, nodeFinalizer);
}

/**
 * Lets go those of an earlier farm of the same name, which are deleted because it was: that asks for no drain, and their
 * volumes are adopted afterwards. `uid`: of the farm that there is now. Returns whether any are left.
 */
export async function releaseEarlier(uid: string, records: readonly NodeRecord[], writer: Pick<ObjectWriter, "release">): Promise<boolean> {
  const earlier = records.filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.kind === vaultFarmKind.kind && owner.uid !== uid),
  );
  await releaseDeleted(earlier, writer);
  return earlier.length > 0;
}

/**
 * Lets go all records in the operator's own namespace where that is being deleted: its pods go first, this operator with
 * them, and nobody would be there to do it later. Returns how many. Throws the server's error.
 */
export async function releaseWithNamespace(namespace: string, client: KubeClient): Promise<number> {
  const { metadata } = must(await client.get(namespaces, { name: namespace }));
  if (metadata.deletionTimestamp === undefined) return 0;
  const { items } = must(await client.listAll(nodeRecords, { namespace }));
  const held = items.filter((record) => record.metadata.finalizers?.includes(nodeFinalizer));
  await Promise.all(held.map((record) => releaseNow(record, client)));
  return held.length;
}

async function releaseNow({ metadata: { name, namespace = "", finalizers = [] } }: NodeRecord, client: KubeClient): Promise<void> {
  const body = { metadata: { finalizers: finalizers.filter((one) => one !== nodeFinalizer) } };
  const patched = await client.patch(nodeRecords, { namespace, name }, { type: "merge", body });
  if (!patched.ok && patched.error.code !== "not-found") throw patched.error;
}
