// Of several programs one leads: who holds the lease. The leader renews it, gives it back when it stops, and counts itself
// out before anybody else may count it out.
import type { Clock } from "../../runtime/clock.ts";
import type { Part } from "../../runtime/lifecycle.ts";
import type { Log } from "../../runtime/log.ts";
import type { Random } from "../../runtime/random.ts";
import type { KubeClient } from "./client.ts";
import { decideLease, heldLease, type Lease, leases, notedLease, observe, ownedLease, releasedLease, type Seen } from "./lease-decision.ts";
import { leaseRetryMs, renewDeadlineMs } from "./limits.ts";
import type { ElectorMetrics } from "./metrics.ts";
import type { OwnerReference } from "./resource.ts";

export type ElectorOptions = {
  readonly namespace: string;
  /** Name of the lease; the same for all that compete. */
  readonly name: string;
  /** Different for each program, also for the same one after a restart. */
  readonly identity: string;
  /**
   * What the lease goes with, asked for once, before it is first written; undefined where that is not known. Without one a lease
   * that could not be given back outlives what it was for.
   */
  owner?(): Promise<OwnerReference | undefined>;
  /** What whoever holds the lease says of itself on it. */
  readonly annotations?: Readonly<Record<string, string>>;
};
export type ElectorTools = {
  readonly client: Pick<KubeClient, "get" | "create" | "update">;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: ElectorMetrics;
};

export type Elector = Part & {
  leading(): boolean;
  /** Resolves when this program leads; rejects with the signal's reason. */
  whenLeading(signal: AbortSignal): Promise<void>;
  /** Resolves when it led and no longer may. Whoever acted on it must end at once. */
  readonly lost: Promise<void>;
};

/** Candidates ask at up to 1.2 times the interval (client-go), so that they do not ask together. */
const jitter = 0.2;
/** One request may take half the time that all tries of a renewal have. */
const callOptions = { attempts: 1, timeoutMs: renewDeadlineMs / 2, priority: "urgent" } as const;

/** `stop` gives the lease back, so it must come after the stop of all that acts as leader. */
export function createElector(options: ElectorOptions, tools: ElectorTools): Elector {
  const { clock, random, log, metrics } = tools;
  const lease = createLeaseClient(options, tools);
  const stopping = new AbortController();
  const won = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<void>();
  let state: "candidate" | "leader" | "over" = "candidate";
  let loop: Promise<void> | undefined;
  let deadline = { cancel: (): void => {} };

  const lose = (why: string): void => {
    if (state !== "leader") return;
    state = "over";
    metrics.master(false);
    log.error("the leadership is lost", { lease: options.name, why });
    lost.resolve();
  };
  const renewed = (askedMs: number): void => {
    if (state === "over") return;
    deadline.cancel();
    // Counted from when it was asked: the server may have written it that early.
    deadline = clock.after(askedMs + renewDeadlineMs - clock.monotonicMs(), () => lose(`no renewal within ${renewDeadlineMs} ms`));
    if (state === "leader") return;
    state = "leader";
    metrics.master(true);
    log.info("this program leads", { lease: options.name, identity: options.identity });
    won.resolve();
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted && state !== "over") {
      const askedMs = await lease.tryHold();
      if (askedMs !== undefined) renewed(askedMs);
      else if (state === "leader" && lease.heldByOther()) lose("another program holds the lease");
      const pauseMs = state === "leader" ? leaseRetryMs : leaseRetryMs * (1 + jitter * random.fraction());
      await clock.sleep(pauseMs, stopping.signal).catch(() => undefined);
    }
  };
  return {
    name: `elector ${options.name}`,
    leading: () => state === "leader",
    whenLeading: (signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        won.promise.then(resolve, reject);
      }),
    lost: lost.promise,
    start: () => {
      loop ??= run();
    },
    stop: async () => {
      stopping.abort();
      deadline.cancel();
      await loop;
      if (state === "leader") await lease.release();
      state = "over";
      metrics.master(false);
    },
  };
}

type LeaseClient = {
  /**
   * When it was asked that the lease be written as ours; undefined where it was not. A read before it does not count: with
   * a server that takes seconds for each call the time to renew would be over before it began.
   */
  tryHold(): Promise<number | undefined>;
  /** As last seen. */
  heldByOther(): boolean;
  release(): Promise<void>;
};

function createLeaseClient(
  { namespace, name, identity, owner, annotations = {} }: ElectorOptions,
  { client, clock, log, metrics }: ElectorTools,
): LeaseClient {
  const place = { namespace, name };
  let seen: Seen | undefined;
  let owning: Promise<OwnerReference | undefined> | undefined;
  const write = async (before: Lease | undefined): Promise<number | undefined> => {
    owning ??= owner?.() ?? Promise.resolve(undefined);
    const goesWith = await owning;
    const askedMs = clock.monotonicMs();
    const wanted = notedLease(ownedLease(heldLease(place, before, identity, clock.wallMs()), goesWith), annotations);
    const written =
      before === undefined ? await client.create(leases, wanted, callOptions) : await client.update(leases, wanted, callOptions);
    if (!written.ok) {
      log.debug("the lease was not written", { lease: name, code: written.error.code, cause: written.error });
      return undefined;
    }
    seen = observe(seen, written.value, clock.monotonicMs());
    return askedMs;
  };
  const ours = (): boolean => seen?.lease.spec?.holderIdentity === identity;
  return {
    heldByOther: () => seen !== undefined && !ours(),
    tryHold: async () => {
      // What we hold nobody else has touched: write it without reading, which halves the requests.
      if (seen !== undefined && ours()) {
        const askedMs = await write(seen.lease);
        if (askedMs !== undefined) return askedMs;
        metrics.slowPath();
      }
      const read = await client.get(leases, place, callOptions);
      if (!read.ok) return read.error.code === "not-found" ? write(undefined) : undefined;
      seen = observe(seen, read.value, clock.monotonicMs());
      return decideLease(seen, identity, clock.monotonicMs()) === "wait" ? undefined : write(seen.lease);
    },
    release: async () => {
      if (seen === undefined || !ours()) return;
      const released = await client.update(leases, releasedLease(seen.lease, clock.wallMs()), callOptions);
      if (released.ok) log.info("the leadership is given back", { lease: name });
      else log.warn("the lease could not be given back and runs out by itself", { lease: name, cause: released.error });
    },
  };
}
