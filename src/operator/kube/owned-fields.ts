// Whether an object still has what was applied to it, by the server's own account of who owns which field: a field that
// somebody else changes or takes away is no longer its former owner's. Defaults and what others add are not looked at, so
// that nobody is fought over them.
import type { KubeObject } from "./resource.ts";

/** Fields as the server names them: "f:" a field, "k:" an item of a list by its keys, "v:" by its value; empty: the whole value. */
type FieldTree = { readonly [name: string]: FieldTree };
type ManagedEntry = { readonly manager?: string; readonly subresource?: string; readonly fieldsV1?: FieldTree };

/** The fields of `object` that `manager` owns, as text that `keepsOwned` reads; undefined where the server does not say. */
export function ownedFields({ metadata }: KubeObject, manager: string): string | undefined {
  const entries = (metadata["managedFields"] ?? []) as readonly ManagedEntry[];
  if (entries.length === 0) return undefined;
  const own = entries.filter((entry) => entry.manager === manager && (entry.subresource ?? "") === "");
  return JSON.stringify(own.map(({ fieldsV1 = {} }) => fieldsV1)).replaceAll(uidKey, anyKey);
}

// Only owners are keyed by uid, and which one it is nobody else can say: without it the text is the same for equal objects of
// all owners, and a cache keeps it once.
const uidKey = /"k:\{\\"uid\\":\\"[^"\\]+\\"\}"/g;
const anyKey = '"k:{}"';

/** Whether every field that `manifest` names is among `owned`, so that none was changed by anybody else since it was applied. */
export function keepsOwned(owned: string | undefined, manifest: KubeObject): boolean {
  if (owned === undefined) return true;
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = manifest;
  const { name: _name, namespace: _namespace, ...named } = metadata;
  return covers(JSON.parse(owned) as readonly FieldTree[], { metadata: named, ...rest });
}

// What is empty owns nothing that could be changed.
function covers(trees: readonly FieldTree[], value: unknown): boolean {
  if (isEmpty(value)) return true;
  if (trees.length === 0) return false;
  if (typeof value !== "object" || trees.some((tree) => Object.keys(tree).length === 0)) return true;
  if (Array.isArray(value)) return value.every((item) => covers(itemsLike(trees, item), item));
  return Object.entries(value as object).every(([name, inner]) =>
    covers(
      trees.flatMap((tree) => tree[`f:${name}`] ?? []),
      inner,
    ),
  );
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "object" && Object.values(value).every((inner) => inner === undefined));
}

function itemsLike(trees: readonly FieldTree[], item: unknown): readonly FieldTree[] {
  return trees.flatMap((tree) => Object.entries(tree).flatMap(([name, inner]) => (isItem(name, item) ? [inner] : [])));
}

// A key that the item leaves out was filled in by the server.
function isItem(name: string, item: unknown): boolean {
  if (name.startsWith("v:")) return name.slice(2) === JSON.stringify(item);
  if (!name.startsWith("k:") || typeof item !== "object" || item === null) return false;
  const keys = Object.entries(JSON.parse(name.slice(2)) as object);
  return keys.every(([key, value]) => {
    const own: unknown = Reflect.get(item, key);
    return own === undefined || own === value;
  });
}
