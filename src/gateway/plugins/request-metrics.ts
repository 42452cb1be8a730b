// Counts and times every answer by route and status class.
import type { onResponseHookHandler } from "fastify";
import type { App } from "../fastify-app.ts";
import type { GatewayMetrics, RequestMeter } from "../metrics.ts";

/** Observes each request from its headers to the end of its answer: those of the routes added from now on, and those of none. */
export function addRequestMetrics(app: App, metrics: Pick<GatewayMetrics, "meter">): void {
  const none = observe(metrics.meter("none"));
  app.addHook("onRoute", (route) => {
    route.onResponse = [route.onResponse ?? [], observe(metrics.meter(route.url))].flat();
  });
  app.addHook("onResponse", function (request, reply, done) {
    if (request.is404) none.call(this, request, reply, done);
    else done();
  });
}

function observe(meter: RequestMeter): onResponseHookHandler {
  return (request, reply, done) => {
    meter(request.method, reply.statusCode, reply.elapsedTime / 1000);
    done();
  };
}
