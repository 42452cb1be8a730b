// The metrics of the machinery under the names, labels and buckets of controller-runtime and client-go, so that dashboards
// made for those work; plus when a reconcile that is running began, which finds the stuck ones.
import type { MetricsRegistry, Reading } from "../../runtime/metrics-registry.ts";

export type RequestMeasure = {
  readonly method: string;
  /** HTTP status, or "<error>" where there was none (client-go). */
  readonly code: string;
  readonly seconds: number;
  readonly sent: number;
  readonly received: number;
};
export type RestMetrics = { request(measure: RequestMeasure): void; retry(method: string, code: string): void };

/** What a queue shows at a scrape. */
export type QueueState = {
  readonly name: string;
  /** Keys ready to be taken, by priority. */
  depths(): ReadonlyMap<number, number>;
  /** Seconds since each key that is being worked on was taken. */
  workingSeconds(): Iterable<number>;
};
export type QueueMetrics = {
  watch(queue: QueueState): void;
  added(): void;
  /** Added with a delay, for whatever reason. */
  retried(): void;
  waited(seconds: number): void;
  worked(seconds: number): void;
};

export type ReconcileOutcome = "success" | "error" | "requeue" | "requeue_after";
/** What a controller shows at a scrape: when each running reconcile began, in seconds since 1970. */
export type ControllerState = { workers: number; running(): ReadonlyMap<string, number> };
export type ControllerMetrics = {
  watch(controller: ControllerState): void;
  reconciled(outcome: ReconcileOutcome, seconds: number): void;
  terminalError(): void;
  panicked(): void;
  timedOut(): void;
};
export type ElectorMetrics = { master(holds: boolean): void; slowPath(): void };
export type ReflectorMetrics = {
  listed(objects: number, seconds: number): void;
  watched(end: string): void;
  event(): void;
  objects(count: number): void;
};

export type KubeMetrics = {
  rest(host: string): RestMetrics;
  queue(name: string): QueueMetrics;
  controller(name: string): ControllerMetrics;
  elector(name: string): ElectorMetrics;
  /** Called once for each cache; those of one resource are summed. */
  reflector(resource: string): ReflectorMetrics;
};

/** controller-runtime: pkg/internal/controller/metrics. */
const reconcileBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5,
  5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
/** controller-runtime: pkg/internal/metrics/workqueue.go. */
const queueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1000];
/** client-go metrics in component-base. */
const requestSecondsBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];
const requestBytesBuckets = [64, 256, 512, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
/** Running reconciles named in metrics; more than this run only where the workers are set very high. */
const runningShownMax = 200;

/** All metrics of the machinery in `registry`, to be made once a program. */
export function createKubeMetrics(registry: MetricsRegistry): KubeMetrics {
  return {
    rest: restMetrics(registry),
    queue: queueMetrics(registry),
    controller: controllerMetrics(registry),
    elector: electorMetrics(registry),
    reflector: reflectorMetrics(registry),
  };
}

function restMetrics(registry: MetricsRegistry): KubeMetrics["rest"] {
  const total = registry.counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server by status code, method and host.",
    labels: ["code", "method", "host"],
  });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    registry.histogram({ name, help, labels: ["verb", "host"] }, buckets);
  const seconds = histogram("rest_client_request_duration_seconds", "Time of a request to the API server.", requestSecondsBuckets);
  const sent = histogram("rest_client_request_size_bytes", "Bytes of a request's body.", requestBytesBuckets);
  const received = histogram("rest_client_response_size_bytes", "Bytes of an answer's body.", requestBytesBuckets);
  const retries = registry.counter({
    name: "rest_client_request_retries_total",
    help: "Requests to the API server that were tried again.",
    labels: ["code", "verb", "host"],
  });
  return (host) => ({
    request: (measure) => {
      const labels = { verb: measure.method, host };
      total.add({ code: measure.code, method: measure.method, host });
      seconds.observe(labels, measure.seconds);
      sent.observe(labels, measure.sent);
      received.observe(labels, measure.received);
    },
    retry: (verb, code) => retries.add({ code, verb, host }),
  });
}

function queueMetrics(registry: MetricsRegistry): KubeMetrics["queue"] {
  const queues: QueueState[] = [];
  const labels = ["name", "controller"] as const;
  registry.gaugeOf({ name: "workqueue_depth", help: "Keys ready in the queue.", labels: ["name", "controller", "priority"] }, () =>
    queues.flatMap(({ name, depths }) =>
      [...depths()].map(([priority, value]) => ({ labels: { name, controller: name, priority: String(priority) }, value })),
    ),
  );
  const working = (name: string, help: string, sum: (seconds: readonly number[]) => number): void =>
    registry.gaugeOf({ name, help, labels }, () =>
      queues.map((queue) => ({ labels: { name: queue.name, controller: queue.name }, value: sum([...queue.workingSeconds()]) })),
    );
  working("workqueue_unfinished_work_seconds", "Seconds of work that is in progress, summed.", (all) =>
    all.reduce((sum, one) => sum + one, 0),
  );
  working("workqueue_longest_running_processor_seconds", "Seconds that the longest running worker has been at its key.", (all) =>
    Math.max(0, ...all),
  );
  const adds = registry.counter({ name: "workqueue_adds_total", help: "Keys added to the queue.", labels });
  const retries = registry.counter({ name: "workqueue_retries_total", help: "Keys added with a delay.", labels });
  const waited = registry.histogram(
    { name: "workqueue_queue_duration_seconds", help: "Time a key waited in the queue.", labels },
    queueBuckets,
  );
  const worked = registry.histogram({ name: "workqueue_work_duration_seconds", help: "Time a key was worked on.", labels }, queueBuckets);
  return (name) => {
    const own = { name, controller: name };
    adds.add(own, 0);
    retries.add(own, 0);
    return {
      watch: (queue) => queues.push(queue),
      added: () => adds.add(own),
      retried: () => retries.add(own),
      waited: (seconds) => waited.observe(own, seconds),
      worked: (seconds) => worked.observe(own, seconds),
    };
  };
}

function controllerMetrics(registry: MetricsRegistry): KubeMetrics["controller"] {
  const states = new Map<string, ControllerState>();
  const labels = ["controller"] as const;
  const counter = (name: string, help: string) => registry.counter({ name: `controller_runtime_${name}`, help, labels });
  const total = registry.counter({
    name: "controller_runtime_reconcile_total",
    help: "Reconciles by result.",
    labels: ["controller", "result"],
  });
  const errors = counter("reconcile_errors_total", "Reconciles that failed.");
  const terminal = counter("terminal_reconcile_errors_total", "Reconciles that failed in a way that trying again does not mend.");
  const panics = counter("reconcile_panics_total", "Reconciles that threw.");
  const timeouts = counter("reconcile_timeouts_total", "Reconciles that took longer than their limit.");
  const seconds = registry.histogram(
    { name: "controller_runtime_reconcile_time_seconds", help: "Time of a reconcile.", labels },
    reconcileBuckets,
  );
  const gauge = (name: string, help: string, value: (state: ControllerState) => number): void =>
    registry.gaugeOf({ name: `controller_runtime_${name}`, help, labels }, () =>
      [...states].map(([controller, state]) => ({ labels: { controller }, value: value(state) })),
    );
  gauge("max_concurrent_reconciles", "Workers of the controller.", ({ workers }) => workers);
  gauge("active_workers", "Workers that are at a key.", (state) => state.running().size);
  registry.gaugeOf(
    {
      name: "controller_reconcile_in_progress_start_time_seconds",
      help: "When a reconcile that is running began; present only while it runs.",
      labels: ["controller", "key"],
    },
    () => [...states].flatMap(([controller, state]) => runningReadings(controller, state)),
  );
  return (controller) => {
    for (const result of ["success", "error", "requeue", "requeue_after"]) total.add({ controller, result }, 0);
    for (const metric of [errors, terminal, panics, timeouts]) metric.add({ controller }, 0);
    return {
      watch: (state) => states.set(controller, state),
      reconciled: (result, took) => {
        total.add({ controller, result });
        seconds.observe({ controller }, took);
        if (result === "error") errors.add({ controller });
      },
      terminalError: () => terminal.add({ controller }),
      panicked: () => panics.add({ controller }),
      timedOut: () => timeouts.add({ controller }),
    };
  };
}

function runningReadings(controller: string, state: ControllerState): Reading<"controller" | "key">[] {
  return [...state.running()].slice(0, runningShownMax).map(([key, value]) => ({ labels: { controller, key }, value }));
}

function electorMetrics(registry: MetricsRegistry): KubeMetrics["elector"] {
  const status = registry.gauge({ name: "leader_election_master_status", help: "1 while this program leads.", labels: ["name"] });
  const slow = registry.counter({
    name: "leader_election_slowpath_total",
    help: "Renewals of the lease that had to read it first.",
    labels: ["name"],
  });
  return (name) => {
    status.set({ name }, 0);
    slow.add({ name }, 0);
    return { master: (holds) => status.set({ name }, holds ? 1 : 0), slowPath: () => slow.add({ name }) };
  };
}

function reflectorMetrics(registry: MetricsRegistry): KubeMetrics["reflector"] {
  const labels = ["resource"] as const;
  const lists = registry.counter({ name: "reflector_lists_total", help: "Whole lists of a resource.", labels });
  const listSeconds = registry.histogram(
    { name: "reflector_list_duration_seconds", help: "Time of a whole list.", labels },
    requestSecondsBuckets,
  );
  const watches = registry.counter({ name: "reflector_watches_total", help: "Watches by how they ended.", labels: ["resource", "end"] });
  const events = registry.counter({ name: "reflector_events_total", help: "Events of watches.", labels });
  const sizes: { readonly resource: string; objects: number }[] = [];
  registry.gaugeOf(
    { name: "reflector_objects", help: "Objects in the caches of a resource, one for each namespace or one for all.", labels },
    () => objectReadings(sizes),
  );
  return (resource) => {
    const size = { resource, objects: 0 };
    sizes.push(size);
    lists.add({ resource }, 0);
    events.add({ resource }, 0);
    return {
      listed: (count, took) => {
        lists.add({ resource });
        listSeconds.observe({ resource }, took);
        size.objects = count;
      },
      watched: (end) => watches.add({ resource, end }),
      event: () => events.add({ resource }),
      objects: (count) => {
        size.objects = count;
      },
    };
  };
}

// Several caches of one resource are one series: as many as namespaces are watched.
function objectReadings(sizes: readonly { readonly resource: string; readonly objects: number }[]): Reading<"resource">[] {
  const sums = new Map<string, number>();
  for (const { resource, objects } of sizes) sums.set(resource, (sums.get(resource) ?? 0) + objects);
  return [...sums].map(([resource, value]) => ({ labels: { resource }, value }));
}
