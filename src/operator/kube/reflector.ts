// Keeps a cache of one kind equal to the server's: lists once in pages, then follows changes, through broken connections,
// expired versions and busy servers, and tells each change once.
import type { Clock } from "../../runtime/clock.ts";
import type { Part } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { KubeClient, Selection } from "./client.ts";
import { KubeError } from "./errors.ts";
import { watchIdleMs, watchSecondsMax, watchSecondsMin } from "./limits.ts";
import { listPages } from "./list-pages.ts";
import type { ReflectorMetrics } from "./metrics.ts";
import { type Change, createObjectStore, type Indexers, type ObjectStore, type WritableStore } from "./object-store.ts";
import type { Projection } from "./projection.ts";
import { isOlder, nextStep, type StepEnd } from "./reflector-decision.ts";
import { type KubeObject, objectKey, type Resource } from "./resource.ts";
import { createSharedStrings } from "./shared-strings.ts";
import type { WatchEvent } from "./watch-stream.ts";

export type ReflectorOptions<T extends KubeObject> = Selection & {
  readonly resource: Resource;
  /** What is kept of each object. */
  readonly project: Projection<T>;
  readonly indexers?: Indexers<T>;
  /** Milliseconds of silence after which a watch counts as broken. */
  readonly idleMs?: number;
};

export type ReflectorTools = {
  readonly client: Pick<KubeClient, "list" | "watch">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ReflectorMetrics;
};

/** `initial`: an object of the first list, or already there when the handler came; no news, only start-up. */
export type ChangeHandler<T> = (change: Change<T>, about: { readonly initial: boolean }) => void;

export type Reflector<T> = Part & {
  readonly store: ObjectStore<T>;
  /** Calls `handler` for every object there is, then for each change, after the cache has it. */
  onChange(handler: ChangeHandler<T>): void;
  /** Whether the first list is in the cache. */
  isSynced(): boolean;
  /** Resolves once synced; rejects with the signal's reason. */
  whenSynced(signal: AbortSignal): Promise<void>;
  /** Resolves once synced, or with the server's error where it forbids the first list; that is tried on. Rejects with the signal's reason. */
  whenAnswered(signal: AbortSignal): Promise<KubeError | undefined>;
  /** Milliseconds since the server last confirmed this cache (list, event or bookmark); Infinity before the first list. */
  sinceContactMs(): number;
  /** The failure that it is waiting out, undefined while all is well. */
  trouble(): KubeError | undefined;
};

export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>, tools: ReflectorTools): Reflector<T> {
  const follower = createFollower(options, tools);
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  return {
    name: `reflector ${options.resource.plural}`,
    start: () => {
      loop ??= run(follower, tools, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await loop;
    },
    store: follower.store,
    onChange: follower.onChange,
    isSynced: () => follower.synced.settled,
    whenSynced: (signal) => orAborted(follower.synced.promise, signal),
    whenAnswered: (signal) => orAborted(follower.answered.promise, signal),
    sinceContactMs: () => tools.clock.monotonicMs() - follower.contactMs(),
    trouble: () => follower.trouble,
  };
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

type Follower<T> = {
  readonly store: WritableStore<T>;
  readonly synced: { settled: boolean; readonly promise: Promise<void>; resolve(): void };
  /** As `whenAnswered`. */
  readonly answered: PromiseWithResolvers<KubeError | undefined>;
  trouble: KubeError | undefined;
  contactMs(): number;
  onChange(handler: ChangeHandler<T>): void;
  relist(signal: AbortSignal): Promise<StepEnd>;
  follow(version: string, signal: AbortSignal): Promise<StepEnd>;
};

async function run<T>(follower: Follower<T>, { clock, random, log }: ReflectorTools, signal: AbortSignal): Promise<void> {
  let version: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const step = version === undefined ? follower.relist(signal) : follower.follow(version, signal);
    const end = await step.catch((cause: unknown) => unforeseen(cause, log));
    if (signal.aborted) return;
    const next = nextStep(end, failures, random.fraction());
    ({ version, failures } = next);
    follower.trouble = "error" in end ? end.error : undefined;
    if (follower.trouble?.code === "forbidden") follower.answered.resolve(follower.trouble);
    // One lost watch is everyday life; the second failure in a row is not.
    if ("error" in end)
      log[failures > 1 ? "warn" : "debug"]("following a resource failed", {
        step: end.kind,
        code: end.error.code,
        cause: end.error,
        waitMs: next.waitMs,
      });
    if (next.waitMs > 0) await clock.sleep(next.waitMs, signal).catch(() => undefined);
  }
}

// A cache that stands still unnoticed is worse than any error: whatever was not foreseen is said, and everything read anew.
function unforeseen(cause: unknown, log: Log): StepEnd {
  log.error("following a resource failed in a way that was not foreseen", { cause });
  return { kind: "list-failed", error: new KubeError("bad-answer", "following failed in a way that was not foreseen", { cause }) };
}

function createFollower<T extends KubeObject>(options: ReflectorOptions<T>, tools: ReflectorTools): Follower<T> {
  const { clock, log, metrics } = tools;
  const store = createObjectStore<T>(options.indexers);
  const strings = createSharedStrings();
  const handlers: ChangeHandler<T>[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const synced = { settled: false, promise, resolve };
  const answered = Promise.withResolvers<KubeError | undefined>();
  let contactMs = Number.NEGATIVE_INFINITY;

  const well = (): void => {
    follower.trouble = undefined;
  };
  const heard = (): void => {
    contactMs = clock.monotonicMs();
  };
  const tell = (changes: readonly Change<T>[], initial: boolean): void => {
    for (const change of changes) for (const handler of handlers) callHandler(handler, change, initial, log);
  };
  const project = (object: KubeObject): T | undefined => {
    try {
      return strings.share(options.project(object));
    } catch (cause) {
      // One object that is not as its schema says must not hide all others.
      log.error("an object cannot be read and is treated as absent", {
        resource: options.resource.plural,
        key: objectKey(object.metadata),
        cause,
      });
      return undefined;
    }
  };
  const take = (event: WatchEvent & { readonly object: KubeObject }): void => {
    const projected = event.kind === "deleted" ? undefined : project(event.object);
    tell(projected === undefined ? store.take(objectKey(event.object.metadata)) : store.put(projected), false);
    metrics.event();
    metrics.objects(store.size());
  };
  const relist = async (signal: AbortSignal): Promise<StepEnd> => {
    const beganMs = clock.monotonicMs();
    const listed = await listPages(tools.client, options, project, signal);
    if (!listed.ok) return { kind: "list-failed", error: listed.error };
    if (signal.aborted) return { kind: "listed", version: listed.value.resourceVersion };
    heard();
    const initial = !synced.settled;
    tell(store.replace(listed.value.items), initial);
    synced.settled = true;
    synced.resolve();
    answered.resolve(undefined);
    metrics.listed(store.size(), (clock.monotonicMs() - beganMs) / 1000);
    return { kind: "listed", version: listed.value.resourceVersion };
  };
  const follower: Follower<T> = {
    store,
    synced,
    answered,
    trouble: undefined,
    contactMs: () => contactMs,
    onChange: (handler) => {
      for (const object of store.values()) callHandler(handler, { kind: "added", object }, true, log);
      handlers.push(handler);
    },
    relist,
    follow: (version, signal) => follow({ options, tools, heard, well, take }, version, signal),
  };
  return follower;
}

type Following<T extends KubeObject> = {
  readonly options: ReflectorOptions<T>;
  readonly tools: ReflectorTools;
  heard(): void;
  /** The server follows us again. */
  well(): void;
  take(event: WatchEvent & { readonly object: KubeObject }): void;
};

async function follow<T extends KubeObject>(
  { options, tools, heard, well, take }: Following<T>,
  from: string,
  signal: AbortSignal,
): Promise<StepEnd> {
  const { resource, project: _project, indexers: _indexers, idleMs = watchIdleMs, ...selection } = options;
  const { clock, metrics } = tools;
  const beganMs = clock.monotonicMs();
  let version = from;
  let events = 0;
  const ended = (error?: KubeError): StepEnd => {
    metrics.watched(error?.code ?? "ended");
    const held = { version, heldMs: clock.monotonicMs() - beganMs, events };
    return error === undefined ? { kind: "watch-ended", ...held } : { kind: "watch-failed", ...held, error };
  };
  const timeoutSeconds = Math.round(watchSecondsMin + tools.random.fraction() * (watchSecondsMax - watchSecondsMin));
  const opened = await tools.client.watch(resource, { ...selection, resourceVersion: version, timeoutSeconds, idleMs, signal });
  if (!opened.ok) return ended(opened.error);
  well();
  for await (const event of opened.value) {
    if (signal.aborted) break;
    if (event.kind === "error") return ended(event.error);
    heard();
    events += 1;
    const now = event.kind === "bookmark" ? event.resourceVersion : (event.object.metadata.resourceVersion ?? version);
    // What is older than what is known comes a second time; to believe it would bring the dead back.
    if (isOlder(now, version)) continue;
    version = now;
    if (event.kind !== "bookmark") take(event);
  }
  return ended();
}

function callHandler<T>(handler: ChangeHandler<T>, change: Change<T>, initial: boolean, log: Log): void {
  try {
    handler(change, { initial });
  } catch (cause) {
    log.error("a handler of changes failed", { change: change.kind, cause });
  }
}
