import { Counter, Histogram, type LabelValues, type PrometheusContentType, type Registry } from 'prom-client';

/**
 * Counters and histograms of plain numbers, of which prom-client is told when it is asked, and which others may read as well.
 * Its own `inc` and `observe` check, sort and join the labels each time (see bench/PROFILE.md).
 */
export interface SeriesOptions<N extends LabelNames> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: N;
  readonly registers: Array<Registry<PrometheusContentType>>;
}

type LabelNames = readonly string[];
type Labels = LabelValues<string>;

/** In the order of the labels' names; none with a space in it. */
type ValuesOf<N extends LabelNames> = { readonly [K in keyof N]: string };

/** What is kept for each set of label values; made when the set is first seen. */
function seriesOf<N extends LabelNames, V>(labelNames: N, make: (labels: Labels) => V) {
  const byValues = new Map<string, V>();
  return {
    of(...values: ValuesOf<N>): V {
      const key = values.join(' ');
      const known = byValues.get(key);
      if (known !== undefined) return known;
      const labels: Labels = {};
      for (const [at, name] of labelNames.entries()) labels[name] = values[at];
      const made = make(labels);
      byValues.set(key, made);
      return made;
    },
    all: () => byValues.values(),
  };
}

export interface Counted {
  readonly labels: Labels;
  readonly count: number;
}

export interface CountedSeries<N extends LabelNames> {
  /** Has a series stand there at 0, where it isn't yet. */
  begin(...labelValues: ValuesOf<N>): void;
  inc(...labelValues: ValuesOf<N>): void;
  all(): Iterable<Counted>;
}

export function countedSeries<N extends LabelNames>(options: SeriesOptions<N>): CountedSeries<N> {
  const series = seriesOf(options.labelNames, (labels) => ({ labels, count: 0, told: 0 }));
  new Counter({
    ...options,
    collect() {
      for (const each of series.all()) {
        this.inc(each.labels, each.count - each.told);
        each.told = each.count;
      }
    },
  });
  return {
    begin: (...labelValues) => void series.of(...labelValues),
    inc(...labelValues) {
      series.of(...labelValues).count += 1;
    },
    all: series.all,
  };
}

export interface Timed {
  readonly labels: Labels;
  /** By bucket; the last is for what is over all bounds. */
  readonly counts: readonly number[];
}

export interface TimedSeries<N extends LabelNames> {
  /** The upper bounds of the buckets but the last, which has none. */
  readonly bucketsSeconds: readonly number[];
  /** Has a series stand there at 0, where it isn't yet. */
  begin(...labelValues: ValuesOf<N>): void;
  /**
   * @param traceId of a trace that shows what took so long; its bucket tells the last one (OpenMetrics 1.0, "Exemplars")
   */
  observe(seconds: number, traceId: string | undefined, ...labelValues: ValuesOf<N>): void;
  all(): Iterable<Timed>;
}

const noExemplars = (): Array<Exemplar | undefined> => [];

/** As prom-client prints them, in OpenMetrics alone. */
interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Unix seconds. */
  readonly timestamp: number;
}

export function timedSeries<N extends LabelNames>(
  options: SeriesOptions<N> & { readonly bucketsSeconds: readonly number[] },
): TimedSeries<N> {
  const { name, help, labelNames, bucketsSeconds } = options;
  const series = seriesOf(labelNames, (labels) => ({
    labels,
    sum: 0,
    counts: Array.from({ length: bucketsSeconds.length + 1 }, () => 0),
    /** By bucket; empty while no trace was told. */
    exemplars: noExemplars(),
  }));

  /** prom-client's histogram takes no sums: this one answers in its place, by the method that registries ask. */
  class ToldHistogram extends Histogram<string> {
    async getForPromString() {
      const values: unknown[] = [];
      for (const { labels: sharedLabels, sum, counts, exemplars } of series.all()) {
        let count = 0;
        for (const [at, inBucket] of counts.entries()) {
          count += inBucket;
          const labels = { le: bucketsSeconds[at] ?? '+Inf' };
          values.push({
            metricName: `${name}_bucket`,
            labels,
            sharedLabels,
            value: count,
            exemplar: exemplars[at],
          });
        }
        values.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum });
        values.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count });
      }
      return { name, help, type: 'histogram', values };
    }
  }
  new ToldHistogram({ ...options, buckets: [...bucketsSeconds] });
  return {
    bucketsSeconds,
    begin: (...labelValues) => void series.of(...labelValues),
    observe(seconds, traceId, ...labelValues) {
      const kept = series.of(...labelValues);
      let at = 0;
      while (seconds > (bucketsSeconds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
      kept.sum += seconds;
      kept.counts[at] = (kept.counts[at] ?? 0) + 1;
      if (traceId === undefined) return;
      kept.exemplars[at] = { labelSet: { trace_id: traceId }, value: seconds, timestamp: Date.now() / 1000 };
    },
    all: series.all,
  };
}
