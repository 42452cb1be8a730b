// Pages of other sites may read what everybody may read, and write only from the origins the settings name (CORS).
import cors from "@fastify/cors";
import type { App } from "../fastify-app.ts";

const exposedHeaders = ["etag", "content-range", "accept-ranges", "location", "content-length", "content-disposition", "vaultfarm-copies"];

/** Answers preflights and marks answers: any origin may read, `corsWrites` may write. Never with credentials. */
export async function addCrossOrigin(app: App, corsWrites: readonly string[]): Promise<void> {
  await app.register(cors, {
    delegator: (request, done) => {
      const { origin } = request.headers;
      const method = request.method === "OPTIONS" ? request.headers["access-control-request-method"] : request.method;
      const reads = method === "GET" || method === "HEAD";
      const mayWrite = origin !== undefined && corsWrites.includes(origin);
      const methods = mayWrite ? ["GET", "HEAD", "POST", "PUT"] : ["GET", "HEAD"];
      done(null, { origin: mayWrite ? origin : reads ? "*" : false, methods, exposedHeaders, strictPreflight: false, maxAge: 600 });
    },
  });
}
