// What is asked for: kinds of the API as plain data, objects as far as the machinery must know them, and their paths.
import { KubeError } from "./errors.ts";

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** Metadata of an object; what the server sets is absent in objects that are still to be written. */
export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly [field: string]: unknown;
};

/** Any object of the API. */
export type KubeObject = { readonly apiVersion?: string; readonly kind?: string; readonly metadata: ObjectMeta };

/** A kind as the server serves it. `T` is the shape of its objects, for the compiler; the server vouches for it by its schema. */
export type Resource<T extends KubeObject = KubeObject> = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: only carries the type. */
  readonly shape?: T;
};

/** Where an object is. `namespace` is absent exactly for kinds that have none. */
export type ObjectName = { readonly namespace?: string; readonly name: string };

/** A kind whose objects have shape `T`. */
export function defineResource<T extends KubeObject>(resource: Omit<Resource, "shape">): Resource<T> {
  return resource;
}

/** "namespace/name", or "name" where the kind has no namespaces: the key of queues and caches. */
export function objectKey(name: ObjectName): string {
  return name.namespace === undefined ? name.name : `${name.namespace}/${name.name}`;
}

/** The name in a key that `objectKey` made. */
export function parseKey(key: string): ObjectName {
  const slash = key.indexOf("/");
  return slash === -1 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Path of all objects of a kind, in one namespace or in all. */
export function collectionPath(resource: Resource, namespace?: string): string {
  const root = resource.apiVersion.includes("/") ? `/apis/${resource.apiVersion}` : `/api/${resource.apiVersion}`;
  if (namespace !== undefined && !resource.namespaced)
    throw new KubeError("bad-request", `${resource.kind} has no namespaces, got "${namespace}"`);
  return namespace === undefined ? `${root}/${resource.plural}` : `${root}/namespaces/${segment(namespace)}/${resource.plural}`;
}

/** Path of one object or of its subresource. Throws a `KubeError` "bad-request" for a name that would name something else. */
export function objectPath(resource: Resource, name: ObjectName, subresource?: string): string {
  if (resource.namespaced && name.namespace === undefined)
    throw new KubeError("bad-request", `${resource.kind} "${name.name}" needs a namespace`);
  const path = `${collectionPath(resource, name.namespace)}/${segment(name.name)}`;
  return subresource === undefined ? path : `${path}/${segment(subresource)}`;
}

// An empty name would address the whole collection, "." and ".." another path (apimachinery: IsValidPathSegmentName).
function segment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text)) throw new KubeError("bad-request", `"${text}" is not a name`);
  return encodeURIComponent(text);
}

/** A path with its query; undefined values are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
