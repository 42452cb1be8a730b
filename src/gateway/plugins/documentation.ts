// The OpenAPI document, made from the routes' own schemas, and a page that shows it. Everything is served from here.
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifySchema } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { App } from "../fastify-app.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body is the bytes themselves. */
    binaryBody?: boolean;
    /** So is the answer. */
    binaryAnswer?: boolean;
  }
}

/** The page's own scripts and styles, which it also writes into elements; nothing from elsewhere. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Collects the routes added from now on, and serves `/openapi.json` and `/docs`. */
export async function addDocumentation(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    exposeHeadRoutes: true,
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "VaultFarm gateway",
        version,
        description: "Objects and chunks of a VaultFarm network over HTTP. Errors are problem documents (RFC 9457) with a stable `code`.",
      },
      tags: [{ name: "objects" }, { name: "chunks" }, { name: "network" }, { name: "health" }],
    },
    transform: (route) => {
      const made = jsonSchemaTransform(route);
      const { config } = route.route;
      return { url: made.url, schema: withBytes(made.schema, config ?? {}) };
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: pagePolicy,
    logo: { type: "image/svg+xml", content: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), href: "/" },
    theme: { title: "VaultFarm gateway" },
    uiConfig: { docExpansion: "list", deepLinking: false, validatorUrl: null },
  });
  app.get("/openapi.json", { schema: { hide: true } }, (_request, reply) =>
    reply.type("application/json").send(JSON.stringify(app.swagger())),
  );
}

type RouteConfig = { readonly binaryBody?: boolean; readonly binaryAnswer?: boolean };
type Answers = Record<string, unknown>;

function withBytes(schema: FastifySchema, { binaryBody, binaryAnswer }: RouteConfig): FastifySchema {
  const bytes = { type: "string", contentMediaType: "application/octet-stream" };
  const whole = { description: "the bytes", content: { "application/octet-stream": { schema: bytes } } };
  const answers = schema.response as Answers | undefined;
  return {
    ...schema,
    ...(binaryBody === true ? { body: bytes, consumes: ["application/octet-stream"] } : {}),
    ...(binaryAnswer === true ? { response: { 200: whole, ...answers } } : {}),
  };
}
