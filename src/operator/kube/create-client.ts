// The client: calls made of options and paths, answers read into their shapes.
import type { Clock } from "../../runtime/clock.ts";
import { abortWith } from "./abort-with.ts";
import type { KubeClient, ListQuery, Page, Removed, RemoveOptions, Scale, TextOptions, WatchQuery, WriteOptions } from "./client.ts";
import { KubeError, type Result } from "./errors.ts";
import { pageSize, watchesMax, watchIdleMs, watchLineBytesMax } from "./limits.ts";
import { collectionPath, type KubeObject, objectPath, type Resource, withQuery } from "./resource.ts";
import { type Call, callError, type Rest } from "./rest.ts";
import { readEvents, type WatchEvent } from "./watch-stream.ts";

export type ClientParts = {
  readonly rest: Rest;
  readonly clock: Clock;
  /** Name under which fields are owned, unless a write names another. */
  readonly fieldManager: string;
  close(): Promise<void>;
};

const patchTypes = {
  apply: "application/apply-patch+yaml",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
} as const;

export function createKubeClient(parts: ClientParts): KubeClient {
  const { rest } = parts;
  const send = <T>(call: () => Call, read: (body: unknown) => T): Promise<Result<T>> => attempt(() => rest.call(call()), read);
  const object = <T extends KubeObject>(call: () => Call): Promise<Result<T>> => send(call, asObject<T>);
  const target = (path: string, options: WriteOptions, force?: boolean): string =>
    withQuery(path, writeQuery(parts.fieldManager, options, force));
  const list = <T extends KubeObject>(resource: Resource<T>, query: ListQuery = {}): Promise<Result<Page<T>>> =>
    send(() => ({ ...query, method: "GET", path: listPath(resource, query) }), readPage<T>);
  return {
    list,
    listAll: (resource, query = {}) => listAll((page) => list(resource, page), query),
    watch: startWatch(parts),
    get: (resource, name, options = {}) => object(() => ({ ...options, method: "GET", path: objectPath(resource, name) })),
    create: (resource, made, options = {}) =>
      object(() => {
        const path = target(collectionPath(resource, made.metadata.namespace), options);
        return { ...options, method: "POST", path, body: typed(resource, made) };
      }),
    apply: (resource, wanted, options) =>
      object(() => {
        const path = target(objectPath(resource, wanted.metadata, options.subresource), options, options.force);
        return { ...options, method: "PATCH", path, body: typed(resource, wanted), contentType: patchTypes.apply };
      }),
    update: (resource, whole, options = {}) =>
      object(() => {
        const path = target(objectPath(resource, whole.metadata, options.subresource), options);
        return { ...options, method: "PUT", path, body: typed(resource, whole) };
      }),
    patch: (resource, name, { type, body }, options = {}) =>
      object(() => {
        const path = target(objectPath(resource, name, options.subresource), options);
        return { ...options, method: "PATCH", path, body, contentType: patchTypes[type], idempotent: type !== "json" };
      }),
    remove: (resource, name, options = {}) =>
      send(() => ({ ...options, method: "DELETE", path: objectPath(resource, name), body: deleteOptions(options) }), asRemoved),
    getScale: (resource, name, options = {}) =>
      send(() => ({ ...options, method: "GET", path: objectPath(resource, name, "scale") }), asScale),
    setScale: (resource, name, replicas, options = {}) =>
      send(() => {
        const path = target(objectPath(resource, name, "scale"), options);
        return { ...options, method: "PATCH", path, body: { spec: { replicas } }, contentType: patchTypes.merge };
      }, asScale),
    read: (path, options = {}) =>
      send(
        () => ({ ...options, method: "GET", path }),
        (body) => body,
      ),
    readText: (path, options) => readText(rest, path, options),
    close: () => parts.close(),
  };
}

async function readText(rest: Rest, path: string, { bytesMax, signal, host }: TextOptions): Promise<Result<string>> {
  const end = new AbortController();
  const unlink = abortWith(end, signal);
  try {
    const opened = await rest.stream(path, end.signal, host);
    if (!opened.ok) return opened;
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of opened.value.body) {
      bytes += piece.length;
      if (bytes > bytesMax)
        return { ok: false, error: new KubeError("too-large", `GET ${path}: the answer has more than ${bytesMax} bytes`) };
      pieces.push(piece);
    }
    return { ok: true, value: Buffer.concat(pieces).toString("utf8") };
  } catch (cause) {
    return { ok: false, error: callError(`GET ${path}`, cause) };
  } finally {
    end.abort(new KubeError("aborted", "the answer is read"));
    unlink();
  }
}

function writeQuery(manager: string, options: WriteOptions, force?: boolean): Parameters<typeof withQuery>[1] {
  // Strict: unknown fields are an error, not dropped silently.
  return {
    fieldManager: options.fieldManager ?? manager,
    fieldValidation: "Strict",
    dryRun: options.dryRun === true ? "All" : undefined,
    force,
  };
}

// A name that would address something else is thrown by the path builder; here it becomes a value like all the rest.
async function attempt<A, T>(send: () => Promise<Result<A>>, read: (answer: A) => T): Promise<Result<T>> {
  try {
    const result = await send();
    return result.ok ? { ok: true, value: read(result.value) } : result;
  } catch (cause) {
    return { ok: false, error: callError("request", cause) };
  }
}

async function listAll<T>(page: (query: ListQuery) => Promise<Result<Page<T>>>, query: ListQuery): Promise<Result<Page<T>>> {
  const items: T[] = [];
  let next = query;
  for (;;) {
    const result = await page(next);
    if (!result.ok) return result;
    items.push(...result.value.items);
    const { continueToken, resourceVersion } = result.value;
    if (continueToken === undefined) return { ok: true, value: { items, resourceVersion } };
    next = { ...query, continueToken };
  }
}

function startWatch({ rest, clock }: ClientParts): KubeClient["watch"] {
  let open = 0;
  return async (resource, query) => {
    if (open >= watchesMax) return { ok: false, error: new KubeError("overloaded", `${watchesMax} watches are open already`) };
    const limit = new AbortController();
    const unlink = abortWith(limit, query.signal);
    open += 1;
    const leave = (): void => {
      open -= 1;
      unlink();
      limit.abort(new KubeError("aborted", "the watch was left"));
    };
    const path = (): string => collectionPath(resource, query.namespace);
    const opened = await attempt(
      async () => rest.stream(watchPath(path(), query), limit.signal),
      (stream) => stream,
    );
    if (!opened.ok) {
      leave();
      return opened;
    }
    const { idleMs = watchIdleMs } = query;
    const abort = (reason: KubeError): void => limit.abort(reason);
    const events = readEvents(opened.value.body, { name: path(), clock, lineBytesMax: watchLineBytesMax, idleMs, abort });
    return { ok: true, value: untilLeft(events, leave) };
  };
}

async function* untilLeft(events: AsyncIterable<WatchEvent>, leave: () => void): AsyncGenerator<WatchEvent> {
  try {
    yield* events;
  } finally {
    leave();
  }
}

function watchPath(path: string, query: WatchQuery): string {
  const { resourceVersion, timeoutSeconds, labelSelector, fieldSelector } = query;
  return withQuery(path, { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, labelSelector, fieldSelector });
}

function listPath(resource: Resource, query: ListQuery): string {
  const { labelSelector, fieldSelector, resourceVersion, continueToken, limit = pageSize } = query;
  return withQuery(collectionPath(resource, query.namespace), {
    labelSelector,
    fieldSelector,
    resourceVersion,
    continue: continueToken,
    limit: limit === 0 ? undefined : limit,
  });
}

function readPage<T>(body: unknown): Page<T> {
  const { items, metadata } = body as { items?: unknown; metadata?: { resourceVersion?: unknown; continue?: unknown } };
  if (!Array.isArray(items) || typeof metadata?.resourceVersion !== "string") throw new KubeError("bad-answer", "the answer is not a list");
  const token = metadata.continue;
  return {
    items,
    resourceVersion: metadata.resourceVersion,
    ...(typeof token === "string" && token !== "" ? { continueToken: token } : {}),
  };
}

function asObject<T extends KubeObject>(body: unknown): T {
  if (typeof (body as KubeObject | null)?.metadata?.name !== "string")
    throw new KubeError("bad-answer", "the answer is not an object with a name");
  return body as T;
}

function asRemoved(body: unknown): Removed {
  const object = body as KubeObject;
  return object.kind === "Status" || object.metadata?.deletionTimestamp === undefined
    ? { kind: "removed" }
    : { kind: "terminating", object };
}

function asScale(body: unknown): Scale {
  const { spec, status } = body as { spec?: { replicas?: number }; status?: { replicas?: number; selector?: string } };
  return { replicas: spec?.replicas ?? 0, current: status?.replicas ?? 0, selector: status?.selector ?? "" };
}

function typed(resource: Resource, object: Pick<KubeObject, "metadata">): KubeObject {
  return { ...object, apiVersion: resource.apiVersion, kind: resource.kind };
}

function deleteOptions(options: RemoveOptions): Readonly<Record<string, unknown>> {
  const { preconditions, propagation, gracePeriodSeconds, dryRun } = options;
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(dryRun === true ? { dryRun: ["All"] } : {}),
  };
}
