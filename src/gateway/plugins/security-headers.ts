// Headers of every answer: nothing is guessed, framed or referred from; each route that shows something to a browser
// widens the content security policy for itself. Few, because a small object out of the cache costs little more than them.
import type { App } from "../fastify-app.ts";

const everywhere: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Sets the headers at the beginning of every request, so that errors carry them too. */
export function addSecurityHeaders(app: App): void {
  app.addHook("onRequest", (_request, reply, done) => {
    reply.headers(everywhere);
    done();
  });
}
