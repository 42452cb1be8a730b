// A small API server in this process, over HTTP/1.1 or HTTP/2 without TLS: lists in pages, watches with bookmarks and
// expiry, writes with conflicts and field owners. It passes the same contract as the real one, so unit tests need no cluster.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { collectionPath, type KubeObject, type ObjectName, type Resource } from "../../src/operator/kube/resource.ts";
import { ApiFault, createFakeObjects, type FakeObjects, type LogEntry } from "./fake-api-objects.ts";

export type FakeApiServer = {
  readonly url: URL;
  readonly objects: FakeObjects;
  /** Requests answered so far, by "METHOD" or "WATCH". */
  readonly counts: Map<string, number>;
  /** The same one by one: "GET /api/v1/pods?limit=500". */
  readonly requests: string[];
  /** Forgets changes and list pages until now: watches from before get 410. */
  compact(): void;
  /** Ends every open connection at once. */
  dropConnections(): void;
  stop(): Promise<void>;
};

export type FakeOptions = {
  readonly resources: readonly Resource[];
  readonly protocol: "http1" | "http2";
  readonly bookmarkMs?: number;
  /** Answers what is more than objects, such as a pod's log or the way to a Service; false: it is none of that. */
  readonly beyond?: (request: IncomingMessage, response: ServerResponse) => boolean;
};

type Target = {
  readonly resource: Resource;
  readonly collection: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
};
type Ask = {
  readonly method: string;
  readonly target: Target;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  readonly contentType: string;
};
type World = {
  readonly objects: FakeObjects;
  readonly pages: Map<string, { items: readonly KubeObject[]; version: number }>;
  readonly bookmarkMs: number;
};

/** Starts one on a free port of the loopback. */
export async function startFakeApiServer(options: FakeOptions): Promise<FakeApiServer> {
  const world: World = { objects: createFakeObjects(), pages: new Map(), bookmarkMs: options.bookmarkMs ?? 100 };
  const counts = new Map<string, number>();
  const requests: string[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(`${request.method} ${request.url}`);
    if (options.beyond?.(request, response) === true) return;
    serve(world, options.resources, counts, { request, response }).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, statusOf(new ApiFault(500, "InternalError", String(error))));
      else response.destroy();
    });
  };
  // The compatibility layer gives HTTP/2 requests the shape of HTTP/1.1 ones.
  const server = options.protocol === "http2" ? createHttp2Server(handle as never) : createServer(handle);
  const sockets = new Set<{ destroy(): void; once(event: "close", gone: () => void): void }>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("sessionError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    objects: world.objects,
    counts,
    requests,
    compact: () => {
      world.objects.compact();
      world.pages.clear();
    },
    dropConnections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        dropConnections();
      }),
  };
}

async function serve(
  world: World,
  resources: readonly Resource[],
  counts: Map<string, number>,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://fake");
  const watching = url.searchParams.get("watch") === "true";
  const method = request.method ?? "GET";
  const verb = watching ? "WATCH" : method;
  counts.set(verb, (counts.get(verb) ?? 0) + 1);
  try {
    const text = await readBody(request);
    if (url.pathname === "/version") return send(response, 200, { gitVersion: "v1.36.0-fake" });
    const target = findTarget(resources, url.pathname);
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    const ask: Ask = { method, target, query: url.searchParams, body, contentType: String(request.headers["content-type"] ?? "") };
    if (watching) return watch(world, ask, response);
    const [status, value] = answer(world, ask);
    send(response, status, value);
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    send(response, error.status, statusOf(error));
  }
}

function answer(world: World, ask: Ask): readonly [number, unknown] {
  const { objects } = world;
  const { target, method, query } = ask;
  const { collection, namespace, name, subresource } = target;
  const write = { manager: query.get("fieldManager") ?? "unknown", subresource };
  if (name === undefined) {
    if (method === "GET") return [200, listPage(world, ask)];
    if (method === "POST") return [201, objects.create(collection, placed(ask), write)];
    throw new ApiFault(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  }
  const at: ObjectName = namespace === undefined ? { name } : { namespace, name };
  if (subresource === "scale") return [200, scale(objects, ask, at)];
  if (method === "GET") return [200, objects.get(collection, at)];
  if (method === "PUT") return [200, objects.replace(collection, placed(ask), write)];
  if (method === "DELETE") {
    const preconditions = (ask.body["preconditions"] ?? {}) as { uid?: string; resourceVersion?: string };
    const object = objects.remove(collection, at, preconditions);
    const gone = (object.metadata.finalizers ?? []).length === 0;
    return [200, gone ? { kind: "Status", apiVersion: "v1", status: "Success" } : object];
  }
  if (method !== "PATCH") throw new ApiFault(405, "MethodNotAllowed", "no such method");
  if (!ask.contentType.startsWith("application/apply-patch")) return [200, objects.merge(collection, at, ask.body, write)];
  return [200, objects.apply(collection, placed(ask), { ...write, force: query.get("force") === "true" })];
}

function placed({ body, target }: Ask): KubeObject {
  const object = body as unknown as KubeObject;
  return target.namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace: target.namespace } };
}

function scale(objects: FakeObjects, { method, body, target }: Ask, at: ObjectName): unknown {
  const replicas = (body["spec"] as { replicas?: number } | undefined)?.replicas;
  if (method !== "GET") objects.merge(target.collection, at, { spec: { replicas } }, { manager: "scale", subresource: undefined });
  const object = objects.get(target.collection, at) as KubeObject & { spec?: { replicas?: number }; status?: { replicas?: number } };
  return {
    kind: "Scale",
    metadata: object.metadata,
    spec: { replicas: object.spec?.replicas ?? 0 },
    status: { replicas: object.status?.replicas ?? 0 },
  };
}

function listPage({ objects, pages }: World, { target, query }: Ask): unknown {
  const limit = Number(query.get("limit") ?? 0);
  const token = query.get("continue");
  const matches = selector(query);
  const page =
    token === null
      ? { items: objects.list(target.collection, target.namespace).filter(matches), version: objects.version() }
      : pages.get(token);
  if (page === undefined) throw new ApiFault(410, "Expired", "The provided continue parameter is too old");
  const whole = limit === 0 || page.items.length <= limit;
  const next = `${page.version}-${page.items.length}-${pages.size}`;
  if (!whole) pages.set(next, { items: page.items.slice(limit), version: page.version });
  return {
    kind: `${target.resource.kind}List`,
    apiVersion: target.resource.apiVersion,
    metadata: { resourceVersion: String(page.version), ...(whole ? {} : { continue: next }) },
    items: whole ? page.items : page.items.slice(0, limit),
  };
}

function watch({ objects, bookmarkMs }: World, { target, query }: Ask, response: ServerResponse): void {
  const from = Number(query.get("resourceVersion"));
  const matches = selector(query);
  response.writeHead(200, { "content-type": "application/json" });
  const line = (type: string, object: unknown): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const past = objects.since(from);
  if (past === undefined) {
    line("ERROR", statusOf(new ApiFault(410, "Expired", `too old resource version: ${from}`)));
    response.end();
    return;
  }
  const show = (entry: LogEntry): void => {
    if (entry.collection !== target.collection) return;
    if (target.namespace !== undefined && entry.seen.metadata.namespace !== target.namespace) return;
    const before = entry.before !== undefined && matches(entry.before);
    const after = entry.after !== undefined && matches(entry.after);
    if (before || after) line(before && after ? "MODIFIED" : after ? "ADDED" : "DELETED", entry.seen);
  };
  for (const entry of past) show(entry);
  const leave = objects.onChange(show);
  const bookmark = setInterval(() => {
    line("BOOKMARK", { kind: target.resource.kind, metadata: { resourceVersion: String(objects.version()) } });
  }, bookmarkMs);
  const end = setTimeout(() => response.end(), Number(query.get("timeoutSeconds") ?? 300) * 1000);
  response.once("close", () => {
    leave();
    clearInterval(bookmark);
    clearTimeout(end);
  });
}

/** Equality selectors on labels, and on metadata.name: what the machinery is tested with. */
function selector(query: URLSearchParams): (object: KubeObject) => boolean {
  const pairs = (text: string | null): readonly (readonly string[])[] =>
    (text ?? "")
      .split(",")
      .filter((term) => term !== "")
      .map((term) => term.split(/==?/));
  const labels = pairs(query.get("labelSelector"));
  const fields = pairs(query.get("fieldSelector"));
  return ({ metadata }) =>
    labels.every(([name = "", value]) =>
      value === undefined ? metadata.labels?.[name] !== undefined : metadata.labels?.[name] === value,
    ) && fields.every(([name, value]) => name === "metadata.name" && metadata.name === value);
}

function findTarget(resources: readonly Resource[], path: string): Target {
  for (const resource of resources) {
    const collection = collectionPath(resource);
    const root = collection.slice(0, -resource.plural.length);
    if (!path.startsWith(root)) continue;
    const parts = path.slice(root.length).split("/").map(decodeURIComponent);
    const namespaced = parts[0] === "namespaces" && parts.length > 2;
    const [plural, name, subresource] = namespaced ? parts.slice(2) : parts;
    if (plural !== resource.plural || (namespaced && !resource.namespaced)) continue;
    return {
      resource,
      collection,
      ...(namespaced ? { namespace: parts[1] ?? "" } : {}),
      ...(name === undefined ? {} : { name }),
      ...(subresource === undefined ? {} : { subresource }),
    };
  }
  throw new ApiFault(404, "NotFound", "the server could not find the requested resource");
}

function statusOf(fault: ApiFault): unknown {
  const details = fault.causes.length === 0 ? {} : { details: { causes: fault.causes } };
  return {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    message: fault.message,
    reason: fault.reason,
    code: fault.status,
    ...details,
  };
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}
