// The cache of one kind: objects by key, with indexes. It turns what the server says into changes: whatever comes twice
// is no change, and an object made anew under an old name is a removal and an addition.
import { withEqualParts } from "./equal-parts.ts";
import { type KubeObject, type ObjectName, objectKey } from "./resource.ts";

/** What became of an object. A removal carries it as it was last known. */
export type Change<T> =
  | { readonly kind: "added"; readonly object: T }
  | { readonly kind: "changed"; readonly object: T; readonly before: T }
  | { readonly kind: "removed"; readonly before: T };

/** Values under which an object is found; each function must give the same for the same object. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

/** Reading side. Objects are shared: never change them. */
export type ObjectStore<T> = {
  get(name: ObjectName): T | undefined;
  byKey(key: string): T | undefined;
  /** All objects with `value` in `index`, in no order. Throws for an index that was not declared. */
  byIndex(index: string, value: string): readonly T[];
  values(): Iterable<T>;
  keys(): Iterable<string>;
  size(): number;
};

export type WritableStore<T> = ObjectStore<T> & {
  /** Nobody else may hold `object`: parts of it are exchanged for equal ones of the version before. */
  put(object: T): readonly Change<T>[];
  take(key: string): readonly Change<T>[];
  /** Makes `objects` all there is. Removals come first. */
  replace(objects: Iterable<T>): readonly Change<T>[];
};

export function createObjectStore<T extends KubeObject>(indexers: Indexers<T> = {}): WritableStore<T> {
  const objects = new Map<string, T>();
  const indexes = new Map(Object.entries(indexers).map(([name, values]) => [name, createIndex(values)]));
  const store = (key: string, object: T): void => {
    objects.set(key, object);
    for (const index of indexes.values()) index.add(key, object);
  };
  const drop = (key: string, object: T): void => {
    objects.delete(key);
    for (const index of indexes.values()) index.remove(key, object);
  };
  const put = (object: T): readonly Change<T>[] => {
    const key = objectKey(object.metadata);
    const before = objects.get(key);
    if (before === undefined) {
      store(key, object);
      return [{ kind: "added", object }];
    }
    const same = before.metadata.uid === object.metadata.uid;
    if (same && before.metadata.resourceVersion === object.metadata.resourceVersion) return [];
    drop(key, before);
    if (!same) {
      store(key, object);
      return [
        { kind: "removed", before },
        { kind: "added", object },
      ];
    }
    const next = withEqualParts(before, object);
    store(key, next);
    return [{ kind: "changed", object: next, before }];
  };
  const take = (key: string): readonly Change<T>[] => {
    const before = objects.get(key);
    if (before === undefined) return [];
    drop(key, before);
    return [{ kind: "removed", before }];
  };
  return {
    put,
    take,
    replace: (all) => {
      const wanted = new Map([...all].map((object) => [objectKey(object.metadata), object]));
      const removed = [...objects.keys()].filter((key) => !wanted.has(key)).flatMap(take);
      return [...removed, ...[...wanted.values()].flatMap(put)];
    },
    get: (name) => objects.get(objectKey(name)),
    byKey: (key) => objects.get(key),
    byIndex: (name, value) => {
      const index = indexes.get(name);
      if (index === undefined) throw new Error(`no index "${name}" was declared`);
      return index.find(value);
    },
    values: () => objects.values(),
    keys: () => objects.keys(),
    size: () => objects.size,
  };
}

type Index<T> = { add(key: string, object: T): void; remove(key: string, object: T): void; find(value: string): readonly T[] };

function createIndex<T>(valuesOf: (object: T) => readonly string[]): Index<T> {
  const byValue = new Map<string, Map<string, T>>();
  return {
    find: (value) => [...(byValue.get(value)?.values() ?? [])],
    add: (key, object) => {
      for (const value of valuesOf(object)) {
        const found = byValue.get(value) ?? new Map<string, T>();
        byValue.set(value, found.set(key, object));
      }
    },
    remove: (key, object) => {
      for (const value of valuesOf(object)) {
        const found = byValue.get(value);
        found?.delete(key);
        if (found?.size === 0) byValue.delete(value);
      }
    },
  };
}
