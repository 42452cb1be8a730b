// For machines: whether the process lives, whether it can serve, and its metrics.
import { z } from "zod";
import type { FarmClient } from "../../client/farm-client.ts";
import type { MetricsRegistry } from "../../runtime/metrics-registry.ts";
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";
import { problemAnswers } from "./answer-schemas.ts";

const ok: z.ZodType<{ status: "ok" }> = z.object({ status: z.literal("ok") });

export type HealthParts = {
  readonly client: Pick<FarmClient, "ready">;
  readonly registry: Pick<MetricsRegistry, "text" | "contentType">;
  stopping(): boolean;
};

/** Adds the routes. */
export function addHealth(app: App, { client, registry, stopping }: HealthParts): void {
  app.route({
    method: ["GET", "HEAD"],
    url: "/healthz",
    schema: { tags: ["health"], summary: "The process lives", response: { 200: ok } },
    handler: (_request, reply) => reply.header("cache-control", "no-store").send({ status: "ok" }),
  });
  app.route({
    method: ["GET", "HEAD"],
    url: "/readyz",
    schema: { tags: ["health"], summary: "The network answers", response: { 200: ok, ...problemAnswers("not-ready", "stopping") } },
    handler: (_request, reply) => {
      if (stopping()) throw new GatewayError("stopping", "the gateway is stopping");
      if (!client.ready()) throw new GatewayError("not-ready", "fewer nodes answer than the minimum of copies");
      return reply.header("cache-control", "no-store").send({ status: "ok" });
    },
  });
  app.route({
    method: "GET",
    url: "/metrics",
    schema: { hide: true },
    handler: async (_request, reply) => reply.type(registry.contentType).send(await registry.text()),
  });
}
