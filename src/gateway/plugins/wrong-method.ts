// A path that exists, asked for with a method it does not take, is a mistake of its own: 405 and the methods that work,
// instead of a page that seems to be missing.
import { GatewayError } from "../errors.ts";
import type { App } from "../fastify-app.ts";

/** Preflights are answered before any route (plugins/cross-origin.ts). */
const answeredElsewhere = "OPTIONS";

/** Watches the routes added from now on; call the returned function after the last of them. */
export function addWrongMethod(app: App): () => void {
  const taken = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    if (url.includes("*")) return;
    const methods = taken.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    taken.set(url, methods);
  });
  return () => {
    for (const [url, methods] of [...taken]) {
      const others = app.supportedMethods.filter((name) => !methods.has(name) && name !== answeredElsewhere);
      const allow = [...methods].join(", ");
      app.route({
        method: others,
        url,
        schema: { hide: true },
        handler: () => {
          throw new GatewayError("wrong-method", `this path takes ${allow}`, { headers: { allow } });
        },
      });
    }
  };
}
