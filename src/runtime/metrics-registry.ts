// A program's metrics in Prometheus text form, through prom-client: base units, labels from closed sets, and a list of
// all that exist, from which documents and tests are made.
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type HistogramConfiguration,
  type MetricObjectWithValues,
  type MetricValueWithName,
  Registry,
} from "prom-client";

export type Labels<L extends string> = Readonly<Record<L, string>>;

/** Only goes up. */
export type CounterMetric<L extends string> = { add(labels: Labels<L>, amount?: number): void };
/** Goes up and down; written at events, or read at each scrape with `gaugeOf`. */
export type GaugeMetric<L extends string> = { set(labels: Labels<L>, value: number): void };
export type HistogramMetric<L extends string> = { observe(labels: Labels<L>, value: number): void };

/** One reading of a gauge that is computed at each scrape. */
export type Reading<L extends string> = { readonly labels: Labels<L>; readonly value: number };

/** One series of a histogram that is kept elsewhere: how many values fell into each bucket, then how many above the last; and their sum. */
export type BucketReading<L extends string> = { readonly labels: Labels<L>; readonly counts: readonly number[]; readonly sum: number };

/** Name, meaning and labels. Counters end in `_total`; units are base units: `_seconds`, `_bytes`. */
export type MetricNaming<L extends string> = { readonly name: string; readonly help: string; readonly labels: readonly L[] };

export type MetricsRegistry = {
  counter<L extends string = never>(naming: MetricNaming<L>): CounterMetric<L>;
  gauge<L extends string = never>(naming: MetricNaming<L>): GaugeMetric<L>;
  /** A gauge whose every series is read anew at each scrape. */
  gaugeOf<L extends string = never>(naming: MetricNaming<L>, read: () => Iterable<Reading<L>> | Promise<Iterable<Reading<L>>>): void;
  /** A counter kept elsewhere, read at each scrape. */
  counterOf<L extends string = never>(naming: MetricNaming<L>, read: () => Iterable<Reading<L>>): void;
  histogram<L extends string = never>(naming: MetricNaming<L>, buckets: readonly number[]): HistogramMetric<L>;
  /** A histogram kept elsewhere, read at each scrape: for what happens so often that looking up its series counts. */
  histogramOf<L extends string = never>(naming: MetricNaming<L>, buckets: readonly number[], read: () => Iterable<BucketReading<L>>): void;
  /** All metrics made here, without those of the process. */
  list(): readonly (MetricNaming<string> & { readonly type: string })[];
  /** The text of one scrape. */
  text(): Promise<string>;
  readonly contentType: string;
};

/** The event loop's delay is sampled this often, milliseconds, and its figures include it: at the usual 10 ms this was most of what an idle process woke for. */
const delaySampleMs = 100;

/** An empty registry; `processMetrics` adds CPU, memory, garbage collection and event loop delay of this process. */
export function createMetricsRegistry(options: { readonly processMetrics: boolean }): MetricsRegistry {
  const registry = new Registry();
  const listed: (MetricNaming<string> & { type: string })[] = [];
  if (options.processMetrics) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: delaySampleMs });
  const common = <L extends string>(naming: MetricNaming<L>, type: string) => {
    listed.push({ ...naming, type });
    return { name: naming.name, help: naming.help, labelNames: [...naming.labels], registers: [registry] };
  };
  return {
    counter: (naming) => {
      const metric = new Counter(common(naming, "counter"));
      return { add: (labels, amount = 1) => metric.inc(labels, amount) };
    },
    gauge: (naming) => {
      const metric = new Gauge(common(naming, "gauge"));
      return { set: (labels, value) => metric.set(labels, value) };
    },
    gaugeOf: (naming, read) => {
      const metric = new Gauge({
        ...common(naming, "gauge"),
        collect: async () => {
          const readings = await read();
          metric.reset();
          for (const { labels, value } of readings) metric.set(labels, value);
        },
      });
    },
    counterOf: (naming, read) => {
      const metric = new Counter({
        ...common(naming, "counter"),
        collect: () => {
          const readings = read();
          metric.reset();
          for (const { labels, value } of readings) metric.inc(labels, value);
        },
      });
    },
    histogram: (naming, buckets) => {
      const metric = new Histogram({ ...common(naming, "histogram"), buckets: [...buckets] });
      return { observe: (labels, value) => metric.observe(labels, value) };
    },
    histogramOf: (naming, buckets, read) => {
      new HistogramKeptElsewhere({ ...common(naming, "histogram"), buckets: [...buckets] }, read);
    },
    list: () => listed,
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** prom-client asks each metric for its values; this one hands on what somebody else counted. */
class HistogramKeptElsewhere extends Histogram<string> {
  readonly #empty: Histogram<string>;
  readonly #series: () => MetricValueWithName<string>[];
  constructor(naming: HistogramConfiguration<string> & { buckets: number[] }, read: () => Iterable<BucketReading<string>>) {
    super(naming);
    this.#empty = new Histogram({ ...naming, registers: [] });
    this.#series = () => [...read()].flatMap((reading) => seriesOf(naming.name, naming.buckets, reading));
  }
  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return { ...(await this.#empty.get()), values: this.#series() };
  }
  /** What the registry calls instead, where a metric has it. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return this.get();
  }
}

function seriesOf(
  name: string,
  upperBounds: readonly number[],
  { labels, counts, sum }: BucketReading<string>,
): readonly MetricValueWithName<string>[] {
  let count = 0;
  const buckets = [...upperBounds, "+Inf"].map((le, index) => {
    count += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: count }];
}
