// The objects of the in-process API server: versions, optimistic concurrency, field owners, finalizers, and a log of changes
// from which watches are served. As the real server behaves, for what the operator's machinery uses; no validation but names.
import { randomUUID } from "node:crypto";
import type { KubeObject, ObjectName } from "../../src/operator/kube/resource.ts";

type Json = Record<string, unknown>;
export type LogEntry = {
  readonly version: number;
  readonly collection: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
  /** As watchers see it: the object with the version of this change. */
  readonly seen: KubeObject;
};

/** An answer that is an error, as the server words it. */
export class ApiFault extends Error {
  override readonly name = "ApiFault";
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly Json[];
  constructor(status: number, reason: string, message: string, causes: readonly Json[] = []) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

export type Write = { readonly manager: string; readonly subresource: string | undefined };

export type FakeObjects = {
  version(): number;
  get(collection: string, name: ObjectName): KubeObject;
  list(collection: string, namespace: string | undefined): readonly KubeObject[];
  create(collection: string, object: KubeObject, write: Write): KubeObject;
  replace(collection: string, object: KubeObject, write: Write): KubeObject;
  merge(collection: string, name: ObjectName, patch: Json, write: Write): KubeObject;
  apply(collection: string, object: KubeObject, write: Write & { readonly force: boolean }): KubeObject;
  remove(collection: string, name: ObjectName, preconditions: { uid?: string; resourceVersion?: string }): KubeObject;
  /** Changes after `version`, or undefined where they are forgotten. */
  since(version: number): readonly LogEntry[] | undefined;
  onChange(listener: (entry: LogEntry) => void): () => void;
  /** Forgets all changes until now. */
  compact(): void;
};

const keyOf = ({ namespace, name }: ObjectName): string => `${namespace ?? ""}/${name}`;
const dnsName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

type Owners = Map<string, Set<string>>;
type Table = {
  /** RFC 3339. */
  now(): string;
  version(): number;
  all(collection: string): Iterable<KubeObject>;
  peek(collection: string, name: ObjectName): KubeObject | undefined;
  find(collection: string, name: ObjectName): KubeObject;
  /** Which manager owns which paths of an object. */
  ownersOf(object: KubeObject): Owners;
  /** Stores `wanted` in place of `before` as a new version; what changes nothing is no version. */
  commit(collection: string, before: KubeObject | undefined, wanted: KubeObject | undefined): KubeObject;
  since(version: number): readonly LogEntry[] | undefined;
  onChange(listener: (entry: LogEntry) => void): () => void;
  compact(): void;
};

function createTable(wallMs: () => number): Table {
  const objects = new Map<string, Map<string, KubeObject>>();
  const owners = new Map<string, Owners>();
  const listeners = new Set<(entry: LogEntry) => void>();
  let log: LogEntry[] = [];
  let version = 100;
  let horizon = 100;
  const of = (collection: string): Map<string, KubeObject> => entry(objects, collection, () => new Map());
  const peek = (collection: string, name: ObjectName): KubeObject | undefined => of(collection).get(keyOf(name));
  const keep = (collection: string, seen: KubeObject, after: KubeObject | undefined): void => {
    if (after === undefined) {
      of(collection).delete(keyOf(seen.metadata));
      owners.delete(String(seen.metadata.uid));
    } else of(collection).set(keyOf(seen.metadata), after);
  };
  return {
    now: () => new Date(wallMs()).toISOString(),
    version: () => version,
    all: (collection) => of(collection).values(),
    peek,
    find: (collection, name) => {
      const object = peek(collection, name);
      if (object === undefined) throw new ApiFault(404, "NotFound", `${collection.split("/").at(-1)} "${name.name}" not found`);
      return object;
    },
    ownersOf: (object) => entry(owners, String(object.metadata.uid), () => new Map()),
    commit: (collection, before, wanted) => {
      if (before !== undefined && wanted !== undefined && same(before, wanted)) return before;
      const base = wanted ?? before;
      if (base === undefined) throw new Error("nothing to commit");
      version += 1;
      const changed = before === undefined || !same(spec(before), spec(base));
      const generation = (before?.metadata.generation ?? 0) + (changed ? 1 : 0);
      const seen: KubeObject = { ...base, metadata: { ...base.metadata, resourceVersion: String(version), generation } };
      const finished = seen.metadata.deletionTimestamp !== undefined && (seen.metadata.finalizers ?? []).length === 0;
      const after = wanted === undefined || finished ? undefined : seen;
      keep(collection, seen, after);
      const logged = { version, collection, before, after, seen };
      log.push(logged);
      for (const listener of listeners) listener(logged);
      return seen;
    },
    since: (from) => (from < horizon ? undefined : log.filter((one) => one.version > from)),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    compact: () => {
      horizon = version;
      log = [];
    },
  };
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

/** An empty server; `wallMs`: its wall clock. */
export function createFakeObjects(wallMs: () => number = Date.now): FakeObjects {
  const table = createTable(wallMs);
  const { find } = table;
  return {
    version: table.version,
    since: table.since,
    onChange: table.onChange,
    compact: table.compact,
    get: find,
    list: (collection, namespace) =>
      [...table.all(collection)].filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace),
    create: (collection, object, write) => create(table, collection, object, { write, how: "Update" }),
    replace: (collection, object, write) => {
      const before = find(collection, object.metadata);
      checkVersion(before, object.metadata.resourceVersion);
      return update(table, collection, before, { wanted: object, write });
    },
    merge: (collection, name, patch, write) => {
      const before = find(collection, name);
      const asked = patch["metadata"] as { resourceVersion?: string; uid?: string } | undefined;
      checkVersion(before, asked?.resourceVersion);
      checkUid(before, asked?.uid);
      return update(table, collection, before, { wanted: mergePatch(before, patch) as KubeObject, write });
    },
    apply: (collection, object, write) => {
      const before = table.peek(collection, object.metadata);
      return before === undefined
        ? create(table, collection, object, { write, how: "Apply" })
        : apply(table, collection, before, { object, write });
    },
    remove: (collection, name, preconditions) => {
      const before = find(collection, name);
      for (const field of ["uid", "resourceVersion"] as const) {
        const asked = preconditions[field];
        if (asked !== undefined && asked !== before.metadata[field])
          throw new ApiFault(409, "Conflict", `the ${field} in the precondition (${asked}) does not match`);
      }
      if ((before.metadata.finalizers ?? []).length === 0) return table.commit(collection, before, undefined);
      if (before.metadata.deletionTimestamp !== undefined) return before;
      return table.commit(collection, before, { ...before, metadata: { ...before.metadata, deletionTimestamp: table.now() } });
    },
  };
}

function checkVersion(before: KubeObject, asked: string | undefined): void {
  if (asked === undefined || asked === before.metadata.resourceVersion) return;
  throw new ApiFault(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again");
}

// Unlike a deletion's precondition, which is a conflict.
function checkUid({ metadata: { name, uid } }: KubeObject, asked: string | undefined): void {
  if (asked === undefined || asked === uid) return;
  const message = `Invalid value: "${asked}": field is immutable`;
  const cause = { reason: "FieldValueInvalid", message, field: "metadata.uid" };
  throw new ApiFault(422, "Invalid", `"${name}" is invalid: metadata.uid: ${message}`, [cause]);
}

function create(table: Table, collection: string, object: KubeObject, { write, how }: { write: Write; how: How }): KubeObject {
  const { name } = object.metadata;
  if (!dnsName.test(name)) {
    const message = `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters`;
    const cause = { reason: "FieldValueInvalid", message, field: "metadata.name" };
    throw new ApiFault(422, "Invalid", `"${name}" is invalid: metadata.name: ${message}`, [cause]);
  }
  if (table.peek(collection, object.metadata) !== undefined) throw new ApiFault(409, "AlreadyExists", `"${name}" already exists`);
  const fresh = { ...object, metadata: { ...object.metadata, uid: randomUUID(), creationTimestamp: table.now() } };
  const own = table.ownersOf(fresh).set(ownerOf(write, how), new Set(Object.keys(leaves(object))));
  return table.commit(collection, undefined, withManagers(fresh, own));
}

function update(table: Table, collection: string, before: KubeObject, { wanted, write }: { wanted: KubeObject; write: Write }): KubeObject {
  const whole = part(before, wanted, write.subresource);
  const was = leaves(before);
  const own = table.ownersOf(before);
  const is = leaves(whole);
  for (const path of Object.keys(was)) if (!(path in is)) for (const paths of own.values()) paths.delete(path);
  for (const [path, value] of Object.entries(is)) {
    if (same(was[path], value)) continue;
    for (const paths of own.values()) paths.delete(path);
    entry(own, ownerOf(write, "Update"), () => new Set<string>()).add(path);
  }
  return table.commit(collection, before, withManagers(whole, own));
}

/** One manager owns fields apart by how and where it writes, as on the real server. */
type How = "Apply" | "Update";
function ownerOf({ manager, subresource }: Write, how: How): string {
  return `${manager} ${how} ${subresource ?? ""}`.trim();
}

type Applied = { readonly object: KubeObject; readonly write: Write & { readonly force: boolean } };

function apply(table: Table, collection: string, before: KubeObject, { object, write }: Applied): KubeObject {
  const own = table.ownersOf(before);
  const me = ownerOf(write, "Apply");
  const wanted = leaves(object);
  const is = leaves(before);
  const others = [...own].filter(([manager]) => manager !== me);
  const taken = Object.entries(wanted).flatMap(([path, value]) =>
    others.filter(([, paths]) => paths.has(path) && !same(is[path], value)).map(([manager, paths]) => ({ path, manager, paths })),
  );
  if (taken.length > 0 && !write.force) {
    const causes = taken.map(({ path, manager }) => ({
      reason: "FieldManagerConflict",
      message: `conflict with "${manager.split(" ", 1)}"`,
      field: `.${dotted(path)}`,
    }));
    throw new ApiFault(409, "Conflict", `Apply failed with ${causes.length} conflict(s)`, causes);
  }
  for (const { path, paths } of taken) paths.delete(path);
  const mine = own.get(me) ?? new Set<string>();
  own.set(me, new Set(Object.keys(wanted)));
  const next = structuredClone(before) as Json & KubeObject;
  for (const [path, value] of Object.entries(wanted)) setPath(next, path, value);
  for (const path of mine) if (!(path in wanted) && ![...own.values()].some((paths) => paths.has(path))) setPath(next, path, undefined);
  return table.commit(collection, before, withManagers(next, own));
}

// The status is written only through its subresource, everything else only without it.
function part(before: KubeObject, wanted: KubeObject, subresource: string | undefined): KubeObject {
  const [was, is] = [before as Json & KubeObject, wanted as Json & KubeObject];
  if (subresource === "status") return { ...was, status: is["status"] } as KubeObject;
  const kept = ["uid", "creationTimestamp", "deletionTimestamp", "resourceVersion", "generation"] as const;
  const metadata = {
    ...is.metadata,
    ...Object.fromEntries(kept.flatMap((field) => (was.metadata[field] === undefined ? [] : [[field, was.metadata[field]]]))),
  };
  return { ...is, metadata, ...("status" in was ? { status: was["status"] } : {}) } as KubeObject;
}

function spec(object: KubeObject): Json {
  const { metadata: _metadata, status: _status, ...rest } = object as Json & KubeObject;
  return rest;
}

function withManagers(object: KubeObject, own: Map<string, Set<string>>): KubeObject {
  const managedFields = [...own]
    .filter(([, paths]) => paths.size > 0)
    .map(([owner, paths]) => {
      const [manager = "", operation = "", subresource] = owner.split(" ");
      return { manager, operation, ...(subresource === undefined ? {} : { subresource }), fieldsV1: fieldTree(paths) };
    });
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

/** As the server tells it; lists are one value here. */
function fieldTree(paths: Iterable<string>): Json {
  const root: Json = {};
  for (const path of [...paths].sort()) {
    let at = root;
    for (const name of path.split(between)) {
      at[`f:${name}`] ??= {};
      at = at[`f:${name}`] as Json;
    }
  }
  return root;
}

const unowned = new Set(["apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion"]);
// Names of fields hold dots (labels do), so that something else stands between them.
const between = "\u001f";
const dotted = (path: string): string => path.replaceAll(between, ".");

/** Values by their path; lists are one value. */
function leaves(value: unknown, path = ""): Json {
  const words = dotted(path);
  if (unowned.has(words) || words === "metadata.managedFields" || /^metadata\.(creation|deletion|generation)/.test(words)) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { [path]: value };
  return Object.assign({}, ...Object.entries(value).map(([name, inner]) => leaves(inner, path === "" ? name : `${path}${between}${name}`)));
}

function setPath(root: Json, path: string, value: unknown): Json {
  const names = path.split(between);
  const last = names.pop() ?? "";
  let at = root;
  for (const name of names) {
    at[name] = typeof at[name] === "object" && at[name] !== null ? at[name] : {};
    at = at[name] as Json;
  }
  if (value === undefined) delete at[last];
  else at[last] = value;
  return root;
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const made: Json = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...(target as Json) } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete made[name];
    else made[name] = mergePatch(made[name], value);
  }
  return made;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
