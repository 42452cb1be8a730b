// Counts and times every answer by route and status class.
import type { App } from "../fastify-app.ts";
import type { GatewayMetrics } from "../metrics.ts";

/** Observes each request from its headers to the end of its answer. */
export function addRequestMetrics(app: App, metrics: GatewayMetrics): void {
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    metrics.requests.add({ route, method: request.method, status: `${Math.floor(reply.statusCode / 100)}xx` });
    metrics.requestSeconds.observe({ route }, reply.elapsedTime / 1000);
    done();
  });
}
