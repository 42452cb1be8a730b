// Pages of other sites may read what everybody may read, and write only from the origins the settings name (CORS).
import cors from "@fastify/cors";
import type { App } from "../fastify-app.ts";

/** All of them: what is read without credentials, as everything here, may be seen whole. */
const exposedHeaders = "*";

/** What every answer to a read carries: any page may read what everybody may read. */
export const readableHeaders: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": exposedHeaders,
};

/**
 * Answers preflights and marks answers: any origin may read, `corsWrites` may write. Never with credentials. The routes
 * that store are added by `addWrites`, to an application of their own: what reads need is the same for all, and no work.
 */
export async function addCrossOrigin(app: App, corsWrites: readonly string[], addWrites: (app: App) => void): Promise<void> {
  app.addHook("preHandler", ({ method }, reply, done) => {
    if (isRead(method)) reply.headers(readableHeaders);
    done();
  });
  await app.register(async (writes) => {
    await writes.register(cors, {
      delegator: (request, done) => {
        const { origin } = request.headers;
        const method = request.method === "OPTIONS" ? request.headers["access-control-request-method"] : request.method;
        const mayWrite = origin !== undefined && corsWrites.includes(origin);
        const methods = mayWrite ? ["GET", "HEAD", "POST", "PUT"] : ["GET", "HEAD"];
        done(null, {
          origin: mayWrite ? origin : isRead(method) ? "*" : false,
          methods,
          exposedHeaders,
          strictPreflight: false,
          maxAge: 600,
        });
      },
    });
    addWrites(writes);
  });
}

/** Whether a method only reads. */
export function isRead(method: string | undefined): boolean {
  return method === "GET" || method === "HEAD";
}
