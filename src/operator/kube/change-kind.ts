// Which changes are worth a look: a status that somebody wrote is not, or each write of a status would wake all that
// follows its object.
import type { Change } from "./object-store.ts";
import type { KubeObject, ObjectMeta } from "./resource.ts";

/** Whether a change concerns more than the status: what is wanted, labels, annotations, finalizers, owners, or the end. */
export function isMoreThanStatus<T extends KubeObject>(change: Change<T>): boolean {
  if (change.kind !== "changed") return true;
  const [was, is] = [change.before.metadata, change.object.metadata];
  return wantedParts(was) !== wantedParts(is);
}

// Where a kind has no generation (no spec, as in a ConfigMap), every version counts.
function wantedParts(metadata: ObjectMeta): string {
  const { generation, resourceVersion, labels, annotations, finalizers, ownerReferences, deletionTimestamp } = metadata;
  const sorted = (record: Readonly<Record<string, string>> = {}): unknown =>
    Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([
    generation ?? resourceVersion,
    sorted(labels),
    sorted(annotations),
    finalizers,
    ownerReferences,
    deletionTimestamp,
  ]);
}
