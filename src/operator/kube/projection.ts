// What of an object is kept in memory: projections throw away the rest before it is stored.
import type { KubeObject, ObjectMeta } from "./resource.ts";

/** Makes the stored form of an object; must keep name, namespace, uid and resourceVersion. */
export type Projection<T extends KubeObject> = (object: KubeObject) => T;

/** Metadata without what nobody decides by: who owns which field, and what kubectl applied last. */
export function leanMeta({ metadata }: KubeObject): ObjectMeta {
  const { managedFields: _managed, annotations, ...kept } = metadata;
  if (annotations === undefined) return kept;
  const { "kubectl.kubernetes.io/last-applied-configuration": _applied, ...others } = annotations;
  return Object.keys(others).length === 0 ? kept : { ...kept, annotations: others };
}

/** Everything but what `leanMeta` drops. `T` is the shape that the server's schema promises. */
export function wholeObject<T extends KubeObject>(object: KubeObject): T {
  return { ...object, metadata: leanMeta(object) } as T;
}

/** Only the metadata: enough to know that an object exists and whose it is. */
export function metadataOnly(object: KubeObject): KubeObject {
  return { metadata: leanMeta(object) };
}
