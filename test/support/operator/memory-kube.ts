// The API server's client without a network, over the objects of the in-process API server and a virtual clock: it notes
// which rights were used, fails calls on demand, and stops to tell of changes on demand.
import type { KubeClient, ListQuery, WatchQuery } from "../../../src/operator/kube/client.ts";
import { answerError, KubeError, type Result } from "../../../src/operator/kube/errors.ts";
import { collectionPath, type KubeObject, type ObjectName, type Resource } from "../../../src/operator/kube/resource.ts";
import type { WatchEvent } from "../../../src/operator/kube/watch-stream.ts";
import type { Clock } from "../../../src/runtime/clock.ts";
import { ApiFault, createFakeObjects, type FakeObjects, type LogEntry } from "../fake-api-objects.ts";

/** One call as an API server's authorizer sees it. */
export type Use = {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Empty where the call names no object. */
  readonly name: string;
  /** Absent: of a kind without namespaces, or a list or watch of all of them. */
  readonly namespace?: string;
};

/** before: the server never took it · after: it was done, and the answer got lost · Or what the server says. */
export type Fault = "before" | "after" | KubeError;

export type MemoryKube = {
  readonly objects: FakeObjects;
  readonly client: KubeClient;
  /** Every call so far but watches' events, in order. */
  readonly uses: readonly Use[];
  /** Asked for each call that is no list or watch; undefined: it goes well. */
  fault: (use: Use) => Fault | undefined;
  /** How long each call takes to be answered, milliseconds: it is carried out half-way. */
  delayMs: number;
  /** No list and watch says anything until it is thawed; calls go through. */
  frozen: boolean;
  /** Lists and watches of these kinds, by plural, or namespace/plural where it is only that one's, are forbidden; watches that run end. */
  readonly forbidden: Set<string>;
  /** Changes of these kinds, by plural, are not told until the set is empty of them and `flush` is called. */
  readonly held: Set<string>;
  flush(): void;
};

const bookmarkMs = 60_000;

export function createMemoryKube(clock: Clock): MemoryKube {
  const objects = createFakeObjects(clock.wallMs);
  const uses: Use[] = [];
  const watches = new Set<() => void>();
  const kube: MemoryKube = {
    objects,
    uses,
    fault: () => undefined,
    delayMs: 0,
    frozen: false,
    held: new Set(),
    forbidden: new Set(),
    flush: () => {
      for (const wake of watches) wake();
    },
    client: undefined as never,
  };
  const note = (verb: string, resource: Resource, at: Partial<ObjectName>, subresource?: string): Use => {
    const use = useOf(verb, resource, at, subresource);
    uses.push(use);
    return use;
  };
  const call = async <T>(use: Use, act: () => T): Promise<Result<T>> => {
    const fault = kube.fault(use);
    const words = `${use.verb} ${use.resource} ${use.name}`;
    if (fault instanceof KubeError) return { ok: false, error: fault };
    if (fault === "before") return { ok: false, error: new KubeError("unreachable", `${words}: no connection`) };
    if (kube.delayMs > 0) await clock.sleep(kube.delayMs / 2);
    const result = attempt(words, act);
    if (kube.delayMs > 0) await clock.sleep(kube.delayMs / 2);
    return fault === "after" ? { ok: false, error: new KubeError("unreachable", `${words}: the answer got lost`) } : result;
  };
  const client = createCalls({ objects, note, call });
  const follow = { kube, clock, watches, note };
  return Object.assign(kube, {
    client: {
      ...client,
      list: async (resource: Resource, query: ListQuery = {}) => listed(follow, resource, query),
      listAll: async (resource: Resource, query: ListQuery = {}) => listed(follow, resource, query),
      watch: async (resource: Resource, query: WatchQuery) => watched(follow, resource, query),
    } as KubeClient,
  });
}

function useOf(verb: string, { apiVersion, plural }: Resource, { name = "", namespace }: Partial<ObjectName>, subresource?: string): Use {
  return {
    verb,
    group: apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "",
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function attempt<T>(words: string, act: () => T): Result<T> {
  try {
    return { ok: true, value: structuredClone(act()) };
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    const body = { message: error.message, reason: error.reason, details: { causes: error.causes } };
    return { ok: false, error: answerError(words, error.status, body) };
  }
}

type Calls = {
  readonly objects: FakeObjects;
  note(verb: string, resource: Resource, at: Partial<ObjectName>, subresource?: string): Use;
  call<T>(use: Use, act: () => T): Promise<Result<T>>;
};

const manager = "vaultfarm-operator";

function createCalls({ objects, note, call }: Calls): Omit<KubeClient, "list" | "listAll" | "watch"> {
  const exists = (resource: Resource, name: ObjectName): boolean => {
    try {
      objects.get(collectionPath(resource), name);
      return true;
    } catch {
      return false;
    }
  };
  const as = <T extends KubeObject>(object: KubeObject): T => object as T;
  const whole = (resource: Resource, object: unknown): KubeObject => ({
    ...(structuredClone(object) as KubeObject),
    apiVersion: resource.apiVersion,
    kind: resource.kind,
  });
  return {
    get: (resource, name) => call(note("get", resource, name), () => as(objects.get(collectionPath(resource), name))),
    create: (resource, object, options = {}) => {
      // What is only tried writes nothing.
      if (options.dryRun === true) return call(useOf("create", resource, object.metadata), () => as(whole(resource, object)));
      return call(note("create", resource, object.metadata), () =>
        as(objects.create(collectionPath(resource), whole(resource, object), { manager, subresource: undefined })),
      );
    },
    apply: (resource, object, { force, subresource }) => {
      // A server asks for both rights where there is no such object yet.
      if (subresource === undefined && !exists(resource, object.metadata)) note("create", resource, object.metadata);
      return call(note("patch", resource, object.metadata, subresource), () => {
        if (subresource !== undefined) objects.get(collectionPath(resource), object.metadata);
        return as(objects.apply(collectionPath(resource), whole(resource, object), { manager, subresource, force }));
      });
    },
    update: (resource, object) =>
      call(note("update", resource, object.metadata), () =>
        as(objects.replace(collectionPath(resource), whole(resource, object), { manager, subresource: undefined })),
      ),
    patch: (resource, name, patch, options = {}) =>
      call(note("patch", resource, name, options.subresource), () =>
        as(
          objects.merge(collectionPath(resource), name, structuredClone(patch.body) as Record<string, unknown>, {
            manager,
            subresource: options.subresource,
          }),
        ),
      ),
    remove: (resource, name, { preconditions = {} } = {}) =>
      call(note("delete", resource, name), () => {
        const object = objects.remove(collectionPath(resource), name, preconditions);
        return object.metadata.deletionTimestamp === undefined ? { kind: "removed" } : { kind: "terminating", object };
      }),
    getScale: () => Promise.reject(new Error("the operator asks for no scale")),
    setScale: () => Promise.reject(new Error("the operator sets no scale")),
    read: () => Promise.reject(new Error("the operator reads no other path")),
    readText: () => Promise.reject(new Error("the operator reads no other path")),
    close: async () => undefined,
  };
}

type Following = { readonly kube: MemoryKube; readonly clock: Clock; readonly watches: Set<() => void>; readonly note: Calls["note"] };

function matcher({ namespace, labelSelector = "" }: ListQuery): (object: KubeObject) => boolean {
  const terms = labelSelector.split(",").flatMap((term) => (term === "" ? [] : [term.split("=")]));
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) &&
    terms.every(([key = "", value]) => (value === undefined ? metadata.labels?.[key] !== undefined : metadata.labels?.[key] === value));
}

/** What an API server says to who has no right. */
export function forbidden(verb: string, { plural }: Pick<Resource, "plural">, namespace = "farms"): KubeError {
  const message = `User "operator" cannot ${verb} resource "${plural}" in the namespace "${namespace}"`;
  return answerError(`${verb} ${plural}`, 403, { reason: "Forbidden", message });
}

function isForbidden({ forbidden: those }: MemoryKube, { plural }: Resource, { namespace }: ListQuery): boolean {
  return those.has(plural) || those.has(`${namespace}/${plural}`);
}

function listed({ kube, note }: Following, resource: Resource, query: ListQuery): Result<{ items: KubeObject[]; resourceVersion: string }> {
  note("list", resource, query);
  if (isForbidden(kube, resource, query)) return { ok: false, error: forbidden("list", resource, query.namespace) };
  if (kube.frozen) return { ok: false, error: new KubeError("unreachable", `list ${resource.plural}: no connection`) };
  const items = kube.objects.list(collectionPath(resource), query.namespace).filter(matcher(query));
  return { ok: true, value: { items: structuredClone(items) as KubeObject[], resourceVersion: String(kube.objects.version()) } };
}

function watched(following: Following, resource: Resource, query: WatchQuery): Result<AsyncIterable<WatchEvent>> {
  const { kube, note } = following;
  note("watch", resource, query);
  if (isForbidden(kube, resource, query)) return { ok: false, error: forbidden("watch", resource, query.namespace) };
  const past = kube.objects.since(Number(query.resourceVersion));
  if (kube.frozen) return { ok: false, error: new KubeError("unreachable", `watch ${resource.plural}: no connection`) };
  if (past === undefined) return { ok: false, error: new KubeError("gone", "too old resource version") };
  return { ok: true, value: events(following, resource, query, past) };
}

async function* events(
  { kube, clock, watches }: Following,
  resource: Resource,
  query: WatchQuery,
  past: readonly LogEntry[],
): AsyncGenerator<WatchEvent> {
  const collection = collectionPath(resource);
  const matches = matcher(query);
  const told: WatchEvent[] = [];
  let over: WatchEvent | "ended" | undefined;
  let wake = (): void => {};
  let heardMs = clock.monotonicMs();
  const take = (entry: LogEntry): void => {
    if (entry.collection !== collection) return;
    const [before, after] = [entry.before, entry.after].map((object) => object !== undefined && matches(object));
    if (!before && !after) return;
    told.push({ kind: before && after ? "modified" : after ? "added" : "deleted", object: structuredClone(entry.seen) });
    wake();
  };
  for (const entry of past) take(entry);
  const leave = kube.objects.onChange(take);
  const poke = (): void => wake();
  watches.add(poke);
  const end = (how: WatchEvent | "ended"): void => {
    over ??= how;
    wake();
  };
  const beat = (): void => {
    timer = clock.after(bookmarkMs, beat);
    const silent = clock.monotonicMs() - heardMs;
    if (isForbidden(kube, resource, query)) end("ended");
    if (kube.frozen && silent > (query.idleMs ?? 150_000))
      end({ kind: "error", error: new KubeError("unreachable", "the watch says nothing") });
    else if (!kube.frozen && !kube.held.has(resource.plural))
      told.push({ kind: "bookmark", resourceVersion: String(kube.objects.version()) });
    wake();
  };
  let timer = clock.after(bookmarkMs, beat);
  const life = clock.after(query.timeoutSeconds * 1000, () => end("ended"));
  const aborted = (): void => end("ended");
  query.signal?.addEventListener("abort", aborted, { once: true });
  try {
    for (;;) {
      const quiet = kube.frozen || kube.held.has(resource.plural);
      const next = quiet ? undefined : told.shift();
      if (next !== undefined) {
        heardMs = clock.monotonicMs();
        yield next;
      } else if (over === "ended") return;
      else if (over !== undefined) {
        yield over;
        return;
      } else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    leave();
    watches.delete(poke);
    timer.cancel();
    life.cancel();
    query.signal?.removeEventListener("abort", aborted);
  }
}
