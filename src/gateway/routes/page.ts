// The page and its files, under a policy that lets it run only its own scripts and speak only to its own gateway.
import type { App } from "../fastify-app.ts";
import type { PageAssets } from "../page-assets.ts";

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Adds a route for every file of the page. */
export function addPage(app: App, assets: PageAssets): void {
  for (const { path, type, content, etag } of assets)
    app.route({
      method: ["GET", "HEAD"],
      url: path,
      schema: { hide: true },
      handler: (request, reply) => {
        reply.headers({
          "content-security-policy": policy,
          "cross-origin-opener-policy": "same-origin",
          "cache-control": "no-cache",
          etag,
        });
        if (request.headers["if-none-match"] === etag) return reply.code(304).send();
        return reply.type(type).send(content);
      },
    });
}
