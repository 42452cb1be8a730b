// List and watch without a network, over the objects of the in-process API server, with faults on demand: for histories in
// virtual time. Faults strike all watches that are open.
import type { KubeClient, Page } from "../../src/operator/kube/client.ts";
import { KubeError, type Result } from "../../src/operator/kube/errors.ts";
import { collectionPath, type KubeObject } from "../../src/operator/kube/resource.ts";
import type { WatchEvent } from "../../src/operator/kube/watch-stream.ts";
import { createFakeObjects, type FakeObjects, type LogEntry } from "./fake-api-objects.ts";

type OpenWatch = { push(event: WatchEvent): void; end(): void };

export type ScriptedApi = {
  readonly objects: FakeObjects;
  readonly client: Pick<KubeClient, "list" | "watch">;
  /** Breaks all watches. */
  reset(): void;
  /** Ends all watches as a server does when their time is over. */
  endWatches(): void;
  /** Sends `count` changes again, all but the `skip` last ones. */
  repeat(count: number, skip: number): void;
  bookmark(): void;
  /** The next call, list or watch, fails so. */
  failNext(error: KubeError): void;
  readonly calls: { lists: number; watches: number };
  openWatches(): number;
};

export function createScriptedApi(pageSize = 3): ScriptedApi {
  const objects = createFakeObjects();
  const watches = new Set<OpenWatch>();
  const failures: KubeError[] = [];
  const history: LogEntry[] = [];
  const calls = { lists: 0, watches: 0 };
  objects.onChange((entry) => {
    history.push(entry);
    for (const watch of watches) watch.push(eventOf(entry));
  });
  const pages = new Map<string, { items: readonly KubeObject[]; horizon: number; version: string }>();
  const list = async (
    resource: Parameters<KubeClient["list"]>[0],
    query: Parameters<KubeClient["list"]>[1],
  ): Promise<Result<Page<KubeObject>>> => {
    calls.lists += 1;
    const failure = failures.shift();
    if (failure !== undefined) return { ok: false, error: failure };
    const token = query?.continueToken;
    const fresh = {
      items: objects.list(collectionPath(resource), undefined),
      horizon: objects.version(),
      version: String(objects.version()),
    };
    const page = token === undefined ? fresh : pages.get(token);
    if (page === undefined || objects.since(page.horizon) === undefined)
      return { ok: false, error: new KubeError("gone", "the list is too old") };
    if (page.items.length <= pageSize || query?.limit === 0)
      return { ok: true, value: { items: page.items, resourceVersion: page.version } };
    const next = `${page.version}/${page.items.length}`;
    pages.set(next, { ...page, items: page.items.slice(pageSize) });
    return { ok: true, value: { items: page.items.slice(0, pageSize), resourceVersion: page.version, continueToken: next } };
  };
  const watch: KubeClient["watch"] = async (_resource, query) => {
    calls.watches += 1;
    const failure = failures.shift();
    if (failure !== undefined) return { ok: false, error: failure };
    const past = objects.since(Number(query.resourceVersion));
    if (past === undefined) return { ok: false, error: new KubeError("gone", "too old resource version") };
    return { ok: true, value: openWatch(watches, past.map(eventOf), query.signal) };
  };
  const push = (event: WatchEvent): void => {
    for (const open of watches) open.push(event);
  };
  return {
    objects,
    // The page holds whatever the caller's kind is.
    client: { list: list as KubeClient["list"], watch },
    reset: () => push({ kind: "error", error: new KubeError("unreachable", "the connection broke") }),
    endWatches: () => {
      for (const open of watches) open.end();
    },
    repeat: (count, skip) => {
      const end = Math.max(0, history.length - skip);
      for (const entry of history.slice(Math.max(0, end - count), end)) push(eventOf(entry));
    },
    bookmark: () => push({ kind: "bookmark", resourceVersion: String(objects.version()) }),
    failNext: (error) => failures.push(error),
    calls,
    openWatches: () => watches.size,
  };
}

function eventOf({ before, after, seen }: LogEntry): WatchEvent {
  return { kind: after === undefined ? "deleted" : before === undefined ? "added" : "modified", object: structuredClone(seen) };
}

function openWatch(watches: Set<OpenWatch>, past: readonly WatchEvent[], signal: AbortSignal | undefined): AsyncIterable<WatchEvent> {
  const waiting: WatchEvent[] = [...past];
  let ended = false;
  let wake = (): void => {};
  const watch: OpenWatch = {
    push: (event) => {
      waiting.push(event);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
  };
  // Open from now on, not from the first reading: nothing may happen unseen in between.
  watches.add(watch);
  signal?.addEventListener("abort", watch.end, { once: true });
  return read(waiting, () => ended, {
    wait: (resolve) => {
      wake = resolve;
    },
    left: () => watches.delete(watch),
  });
}

async function* read(
  waiting: WatchEvent[],
  ended: () => boolean,
  { wait, left }: { wait(resolve: () => void): void; left(): void },
): AsyncGenerator<WatchEvent> {
  try {
    for (;;) {
      const event = waiting.shift();
      if (event !== undefined) yield event;
      else if (ended()) return;
      else await new Promise<void>(wait);
    }
  } finally {
    left();
  }
}
