// A whole list in pages, projected as it comes so that never more than one page of raw objects is in memory. A page too
// large is asked for with fewer objects; a list that aged out between two pages is begun again.
import type { KubeClient, Selection } from "./client.ts";
import type { Result } from "./errors.ts";
import { pageSize } from "./limits.ts";
import type { KubeObject, Resource } from "./resource.ts";

/** A list restarts at most this often before it is asked for in one piece, which cannot age out. */
const restartsMax = 2;

export type Listed<T> = { readonly items: readonly T[]; readonly resourceVersion: string };

/** All objects of `selection` for which `project` gives something, of one instant. */
export async function listPages<T>(
  client: Pick<KubeClient, "list">,
  selection: Selection & { readonly resource: Resource },
  project: (object: KubeObject) => T | undefined,
  signal: AbortSignal,
): Promise<Result<Listed<T>>> {
  const { resource, namespace, labelSelector, fieldSelector } = selection;
  const query = {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
  let limit = pageSize;
  let items: T[] = [];
  let continueToken: string | undefined;
  let restarts = 0;
  for (;;) {
    // One try: the reflector has its own waits.
    const place = continueToken === undefined ? {} : { continueToken };
    const page = await client.list(resource, { ...query, ...place, limit, signal, attempts: 1, priority: "low" });
    if (page.ok) {
      for (const object of page.value.items) {
        const projected = project(object);
        if (projected !== undefined) items.push(projected);
      }
      if (page.value.continueToken === undefined) return { ok: true, value: { items, resourceVersion: page.value.resourceVersion } };
      continueToken = page.value.continueToken;
    } else if (page.error.code === "too-large" && limit > 1) {
      limit = Math.ceil(limit / 4);
    } else if (page.error.code === "gone" && continueToken !== undefined && restarts <= restartsMax) {
      restarts += 1;
      items = [];
      continueToken = undefined;
      if (restarts > restartsMax) limit = 0;
    } else return page;
  }
}
