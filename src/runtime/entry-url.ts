// Where the entry file of a worker thread or child process lies: `.ts` in a checkout, `.js` once built. The compiler
// rewrites import specifiers but not `new URL("./x.ts", …)`, so every such file is found through here.

const builtExtension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

/** URL of `name` (a path below `src/`, without extension), for `new Worker` and `fork`: `entryUrl("vault-node/main")`. */
export function entryUrl(name: string): URL {
  return new URL(`../${name}${builtExtension}`, import.meta.url);
}
