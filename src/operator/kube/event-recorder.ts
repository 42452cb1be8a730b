// Events on objects, for `kubectl describe`: the same event again is counted in the one that is there, not written anew,
// and no flood of events delays anything else.
import type { Clock } from "../../runtime/clock.ts";
import type { Part } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { KubeClient } from "./client.ts";
import { eventsRememberedMax, eventsWaitingMax, eventWindowMs } from "./limits.ts";
import type { KubeMetrics } from "./metrics.ts";
import { defineResource, type KubeObject, type Resource } from "./resource.ts";
import { createWorkQueue, lowPriority } from "./work-queue.ts";

export type EventObject = KubeObject & Readonly<Record<string, unknown>>;
export const events: Resource<EventObject> = defineResource({ apiVersion: "v1", kind: "Event", plural: "events", namespaced: true });

export type EventAbout = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
};
export type EventWords = {
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase, of a closed set. */
  readonly reason: string;
  /** A sentence that a person can act on; no secret, no number that changes each time. */
  readonly message: string;
};

export type EventRecorder = Part & { record(about: EventAbout, words: EventWords): void };

export type EventRecorderTools = {
  readonly client: Pick<KubeClient, "create" | "patch">;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<KubeMetrics, "queue">;
  /** The program, as the event's source. */
  readonly component: string;
};

type Remembered = {
  readonly about: EventAbout;
  readonly words: EventWords;
  readonly name: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
  written: boolean;
};

/** Repeats are written together, at most this often. */
const repeatDelayMs = 30_000;

/** Records in the background while it runs; what is not yet written at `stop` is dropped. */
export function createEventRecorder(tools: EventRecorderTools): EventRecorder {
  const { clock, log } = tools;
  const remembered = new Map<string, Remembered>();
  const queue = createWorkQueue({ name: "events", clock, metrics: tools.metrics.queue("events") }, { keysMax: eventsWaitingMax });
  let loop: Promise<void> | undefined;
  let made = 0;

  const remember = (key: string, about: EventAbout, words: EventWords): Remembered => {
    const now = clock.wallMs();
    const known = remembered.get(key);
    // Put last: the map forgets what was not repeated for longest.
    remembered.delete(key);
    const fresh = known === undefined || now - known.lastMs > eventWindowMs;
    made += 1;
    const name = `${about.name.slice(0, 200)}.${now.toString(16)}.${made.toString(16)}`;
    const event = fresh ? { about, words, name, firstMs: now, lastMs: now, count: 0, written: false } : known;
    remembered.set(key, event);
    const [oldest] = remembered.keys();
    if (remembered.size > eventsRememberedMax && oldest !== undefined) remembered.delete(oldest);
    event.lastMs = now;
    event.count += 1;
    return event;
  };
  const write = async (key: string): Promise<void> => {
    const event = remembered.get(key);
    if (event === undefined) return;
    const failed = await send(tools, event);
    if (failed === undefined) return queue.forget(key);
    log.debug("an event was not written", { code: failed.code, reason: event.words.reason });
    // An event is worth a few tries: it tells of what other places show as well.
    if (failed.code !== "forbidden" && failed.code !== "invalid" && failed.code !== "not-found" && queue.failures(key) < 5)
      queue.addFailed(key, lowPriority);
    else queue.forget(key);
  };
  const run = async (): Promise<void> => {
    for (let taken = await queue.take(); taken !== undefined; taken = await queue.take()) {
      await write(taken.key);
      queue.done(taken.key);
    }
  };
  return {
    name: "event recorder",
    start: () => {
      loop ??= run();
    },
    stop: async () => {
      queue.close();
      await loop;
    },
    record: (about, words) => {
      const key = JSON.stringify([about.uid, words.type, words.reason, words.message]);
      const { count } = remember(key, about, words);
      queue.add(key, { priority: lowPriority, afterMs: count === 1 ? 0 : repeatDelayMs });
    },
  };
}

async function send({ client, component }: EventRecorderTools, event: Remembered) {
  const namespace = event.about.namespace ?? "default";
  const options = { priority: "low", attempts: 1 } as const;
  const counted = { count: event.count, lastTimestamp: seconds(event.lastMs) };
  if (event.written) {
    const patched = await client.patch(events, { namespace, name: event.name }, { type: "merge", body: counted }, options);
    if (patched.ok) return undefined;
    // Events live an hour; one that is gone is written as a new one.
    if (patched.error.code !== "not-found") return patched.error;
  }
  const { about, words } = event;
  const object = {
    metadata: { name: event.name, namespace },
    involvedObject: about,
    ...words,
    ...counted,
    firstTimestamp: seconds(event.firstMs),
    source: { component },
    reportingComponent: component,
    reportingInstance: component,
  };
  const made = await client.create(events, object, options);
  if (made.ok || made.error.code === "already-exists") event.written = true;
  return made.ok || made.error.code === "already-exists" ? undefined : made.error;
}

/** Kubernetes' Time: RFC 3339 in whole seconds. */
function seconds(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, "Z");
}
