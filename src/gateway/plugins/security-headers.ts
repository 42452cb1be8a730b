// Headers of every answer: nothing is guessed, framed or referred from; each route that shows something to a browser
// widens the content security policy for itself. Few, because a small object out of the cache costs little more than them.
import type { App } from "../fastify-app.ts";

export const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** Sets the headers before any handler; what is answered earlier (problem documents, known objects) sets them itself. */
export function addSecurityHeaders(app: App): void {
  app.addHook("preHandler", (_request, reply, done) => {
    reply.headers(securityHeaders);
    done();
  });
}
