// The health port: read-only, plain HTTP. Liveness, readiness, metrics, status and inventory of one node.
import type { NodeStatus } from "../../protocol/node-status.ts";
import type { SuspicionStatus } from "../../protocol/suspicion-status.ts";
import {
  createHttpServer,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpServer,
  jsonAnswer,
  problemAnswer,
} from "../../runtime/http-server.ts";
import type { Log } from "../../runtime/log.ts";
import type { MetricsRegistry } from "../../runtime/metrics-registry.ts";
import { type AddressList, answerInventory } from "../inventory.ts";

export type HealthParts = {
  readonly store: AddressList;
  readonly registry: MetricsRegistry;
  status(): Promise<NodeStatus>;
  suspicions(): SuspicionStatus;
  /** Why the node is not ready, undefined where it is. */
  notReady(): string | undefined;
};

/** Where it listens, and the setting that names the port. */
export type Listening = { readonly ip: string; readonly port: number };

const limits = { bodyMax: 1024, connectionsMax: 64, requestTimeoutMs: 10_000 };

/** The server, not yet listening. */
export function createHealthServer(parts: HealthParts, { ip, port }: Listening, log: Log): HttpServer {
  return createHttpServer(
    { name: "health server", ip, port, portSetting: "VAULTFARM_PORT_HEALTH", ...limits },
    createHealthHandler(parts),
    log,
  );
}

/** What the server answers. */
export function createHealthHandler(parts: HealthParts): HttpHandler {
  const routes: Readonly<Record<string, (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>>> = {
    "/healthz": () => plain("ok\n"),
    "/readyz": () => readiness(parts.notReady()),
    "/metrics": async () => ({ status: 200, headers: { "content-type": parts.registry.contentType }, body: await parts.registry.text() }),
    "/v1/status": async () => jsonAnswer(200, await parts.status()),
    "/v1/suspicions": () => jsonAnswer(200, parts.suspicions()),
    "/v1/inventory": (request) => answerInventory(parts.store, request),
  };
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD")
      return problemAnswer(405, "read-only", "this port only answers GET and HEAD; commands go to the admin port");
    const route = Object.hasOwn(routes, request.path) ? routes[request.path] : undefined;
    return route?.(request) ?? problemAnswer(404, "not-found", `known here: ${Object.keys(routes).join(", ")}`);
  };
}

function readiness(why: string | undefined): HttpAnswer {
  return why === undefined ? plain("ready\n") : problemAnswer(503, "not-ready", why);
}

function plain(body: string): HttpAnswer {
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}
