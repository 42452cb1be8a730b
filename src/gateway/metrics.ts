// The metrics of a gateway, all in one place. Labels come from closed sets: routes as they stand in the program, codes
// of the problem table, states of the protocol; never an address.
import type { FarmClient } from "../client/farm-client.ts";
import type { MembershipSummary } from "../protocol/network-view.ts";
import { nodeViews } from "../protocol/states.ts";
import type { CounterMetric, Labels, MetricNaming, MetricsRegistry, Reading } from "../runtime/metrics-registry.ts";
import { type RedisLink, redisOutcomes } from "./redis/redis-link.ts";
import { type SecondCache, secondCacheResults } from "./second-cache.ts";

export type GatewayMetrics = {
  /** Counts and times the answers of a route. */
  meter(route: string): RequestMeter;
  readonly problems: CounterMetric<"code">;
  readonly uploadedBytes: CounterMetric<never>;
  readonly downloadedBytes: CounterMetric<never>;
  readonly cacheReads: CounterMetric<"cache" | "result">;
  readonly slowClientsEnded: CounterMetric<"direction">;
};

/** Takes in an answer: its method and status, and the seconds from the request's headers to the end of the answer. */
export type RequestMeter = (method: string, statusCode: number, seconds: number) => void;

/** What is read at each scrape. */
export type GatewayReadings = {
  readonly client: Pick<FarmClient, "network" | "ready">;
  uploads(): number;
  downloads(): number;
  eventClients(): number;
  readonly secondCaches: readonly Pick<SecondCache, "kind" | "bytes" | "counts">[];
  readonly redis: Pick<RedisLink, "isUp" | "counts"> | undefined;
  /** Bytes in each cache in memory. */
  cacheBytes(): Readonly<Record<"chunks" | "objects", number>>;
};

// From an answer out of memory to a large file over a slow line.
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600];

/** Makes the metrics that events write. */
export function createGatewayMetrics(registry: MetricsRegistry): GatewayMetrics {
  return {
    meter: meterIn(registry),
    problems: countIn(registry, {
      name: "vaultfarm_gateway_problems_total",
      help: "Requests answered with a problem document, by its code",
      labels: ["code"],
    }),
    uploadedBytes: countIn(registry, {
      name: "vaultfarm_gateway_uploaded_bytes_total",
      help: "Bytes of objects and chunks that were stored",
      labels: [],
    }),
    downloadedBytes: countIn(registry, {
      name: "vaultfarm_gateway_downloaded_bytes_total",
      help: "Bytes of objects and chunks that were sent out",
      labels: [],
    }),
    cacheReads: countIn(registry, {
      name: "vaultfarm_gateway_cache_reads_total",
      help: "Look-ups in the gateway's caches, by cache and whether it had the bytes",
      labels: ["cache", "result"],
    }),
    slowClientsEnded: countIn(registry, {
      name: "vaultfarm_gateway_slow_clients_ended_total",
      help: "Uploads and downloads of large objects ended because others waited for memory and their clients were far too slow",
      labels: ["direction"],
    }),
  };
}

type Meter = { readonly route: string; readonly answers: Map<string, number[]>; readonly counts: number[]; sum: number };

/** Requests by route, kept here and read at each scrape: whoever answers holds the series of its route, and looks up nothing. */
function meterIn(registry: MetricsRegistry): (route: string) => RequestMeter {
  // Bounded: by the routes of the program and the methods of the parser.
  const meters = new Map<string, Meter>();
  registry.counterOf(
    {
      name: "vaultfarm_gateway_requests_total",
      help: "Requests answered, by route and status class",
      labels: ["route", "method", "status"],
    },
    () => [...meters.values()].flatMap(answersOf),
  );
  registry.histogramOf(
    { name: "vaultfarm_gateway_request_seconds", help: "Time from a request's headers to the end of its answer", labels: ["route"] },
    secondsBuckets,
    () => [...meters.values()].map(({ route, counts, sum }) => ({ labels: { route }, counts, sum })),
  );
  return (route) => {
    const meter = meters.get(route) ?? { route, answers: new Map(), counts: new Array<number>(secondsBuckets.length + 1).fill(0), sum: 0 };
    meters.set(route, meter);
    return (method, statusCode, seconds) => {
      const classes = meter.answers.get(method) ?? new Array<number>(6).fill(0);
      meter.answers.set(method, classes);
      const status = Math.floor(statusCode / 100);
      classes[status] = (classes[status] ?? 0) + 1;
      const bucket = secondsBuckets.findIndex((most) => seconds <= most);
      const at = bucket === -1 ? secondsBuckets.length : bucket;
      meter.counts[at] = (meter.counts[at] ?? 0) + 1;
      meter.sum += seconds;
    };
  };
}

function answersOf({ route, answers }: Meter): readonly Reading<"route" | "method" | "status">[] {
  return [...answers].flatMap(([method, classes]) =>
    classes.flatMap((value, status) => (value === 0 ? [] : [{ labels: { route, method, status: `${status}xx` }, value }])),
  );
}

/** A counter whose series are kept here and read at each scrape: one look-up an event, where many events a second count. */
function countIn<L extends string = never>(registry: MetricsRegistry, naming: MetricNaming<L>): CounterMetric<L> {
  // Bounded, because labels come from closed sets.
  const series = new Map<string, { readonly labels: Labels<L>; value: number }>();
  if (naming.labels.length === 0) series.set("", { labels: {} as Labels<L>, value: 0 });
  registry.counterOf(naming, () => series.values());
  return {
    add: (labels, amount = 1) => {
      let key = "";
      for (const label of naming.labels) key += `${labels[label]}\n`;
      const known = series.get(key);
      if (known === undefined) series.set(key, { labels, value: amount });
      else known.value += amount;
    },
  };
}

/** Adds the metrics that are read at each scrape. */
export function addGatewayReadings(registry: MetricsRegistry, readings: GatewayReadings): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    registry.gaugeOf({ name, help, labels: [] }, () => [{ labels: {}, value: read() }]);
  const { client } = readings;
  gauge("vaultfarm_gateway_uploads", "Uploads under way", () => readings.uploads());
  gauge("vaultfarm_gateway_downloads", "Downloads under way", () => readings.downloads());
  gauge("vaultfarm_gateway_event_clients", "Open event streams", () => readings.eventClients());
  gauge("vaultfarm_gateway_network_ready", "1 while the network answers", () => (client.ready() ? 1 : 0));
  gauge(
    "vaultfarm_gateway_chunks_below_min",
    "Chunks of the farm with fewer live copies than the minimum, as its nodes publish them",
    () => client.network().copies.belowMin,
  );
  gauge(
    "vaultfarm_gateway_chunks_below_target",
    "Chunks of the farm with fewer live copies than intended, as its nodes publish them",
    () => client.network().copies.belowTarget,
  );
  const confirmed = (name: string, help: string, of: (membership: MembershipSummary) => number): void =>
    registry.gaugeOf({ name, help, labels: [] }, () => {
      const { membership } = client.network();
      return membership === null ? [] : [{ labels: {}, value: of(membership) }];
    });
  confirmed("vaultfarm_gateway_confirmed_nodes", "Nodes confirmed by certificate, as far as this gateway follows", (one) => one.confirmed);
  confirmed("vaultfarm_gateway_confirmed_nodes_reachable", "Confirmed nodes that this gateway sees live", (one) => one.reachable);
  confirmed(
    "vaultfarm_gateway_membership_partitioned",
    "1 where this gateway reaches too few confirmed nodes for a change of who is confirmed; chunks are served all the same",
    (one) => Number(one.state === "partitioned"),
  );
  registry.gaugeOf({ name: "vaultfarm_gateway_nodes", help: "Nodes as this gateway sees them, by state", labels: ["state"] }, () => {
    const { nodes } = client.network();
    return nodeViews.map((state) => ({ labels: { state }, value: nodes.filter((node) => node.state === state).length }));
  });
  const { secondCaches, redis } = readings;
  registry.gaugeOf({ name: "vaultfarm_gateway_redis_up", help: "1 while Redis answers; absent where none is set", labels: [] }, () =>
    redis === undefined ? [] : [{ labels: {}, value: Number(redis.isUp()) }],
  );
  registry.counterOf(
    {
      name: "vaultfarm_gateway_redis_requests_total",
      help: "What was wanted of Redis, by what came of it; failed: too late or refused, skipped: not asked while it does not answer",
      labels: ["result"],
    },
    () => (redis === undefined ? [] : redisOutcomes.map((result) => ({ labels: { result }, value: redis.counts()[result] }))),
  );
  registry.gaugeOf({ name: "vaultfarm_gateway_cache_bytes", help: "Bytes held by the gateway's caches", labels: ["cache"] }, () => [
    ...Object.entries(readings.cacheBytes()).map(([cache, value]) => ({ labels: { cache }, value })),
    ...secondCaches.flatMap((cache) => {
      const value = cache.bytes();
      return value === undefined ? [] : [{ labels: { cache: cache.kind }, value }];
    }),
  ]);
  registry.counterOf(
    {
      name: "vaultfarm_gateway_second_cache_reads_total",
      help: "Look-ups of chunks beyond those in memory, by cache and what came of them; damaged: removed, because it was not the chunk",
      labels: ["cache", "result"],
    },
    () =>
      secondCaches.flatMap((cache) =>
        secondCacheResults.map((result) => ({ labels: { cache: cache.kind, result }, value: cache.counts()[result] })),
      ),
  );
}
