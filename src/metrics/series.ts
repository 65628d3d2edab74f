import { Counter, Histogram, type LabelValues, type PrometheusContentType, type Registry } from 'prom-client';

/**
 * Counters and histograms for what happens with each request: plain numbers, of which prom-client is told when it is asked.
 * Its own `inc` and `observe` check, sort and join the labels each time (see bench/PROFILE.md).
 */
export interface SeriesOptions<T extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly T[];
  readonly registers: Array<Registry<PrometheusContentType>>;
}

/** What is kept for each set of label values; made when the set is first seen. */
function seriesOf<T extends string, V>(labelNames: readonly T[], make: (labels: LabelValues<T>) => V) {
  const byValues = new Map<string, V>();
  return {
    of(...values: readonly string[]): V {
      const key = values.join(' ');
      const known = byValues.get(key);
      if (known !== undefined) return known;
      const labels: LabelValues<T> = {};
      for (const [at, name] of labelNames.entries()) labels[name] = values[at];
      const made = make(labels);
      byValues.set(key, made);
      return made;
    },
    all: () => byValues.values(),
  };
}

export interface CountedSeries {
  /** Has a series stand there at 0, where it isn't yet. */
  begin(...labelValues: readonly string[]): void;
  /** @param labelValues in the order of the labels' names; none with a space in it */
  inc(...labelValues: readonly string[]): void;
}

export function countedSeries<T extends string>(options: SeriesOptions<T>): CountedSeries {
  const series = seriesOf(options.labelNames, (labels) => ({ labels, untold: 0 }));
  new Counter({
    ...options,
    collect() {
      for (const each of series.all()) {
        this.inc(each.labels, each.untold);
        each.untold = 0;
      }
    },
  });
  return {
    begin: (...labelValues) => void series.of(...labelValues),
    inc(...labelValues) {
      series.of(...labelValues).untold += 1;
    },
  };
}

export interface TimedSeries {
  /** Has a series stand there at 0, where it isn't yet. */
  begin(...labelValues: readonly string[]): void;
  /**
   * @param traceId of a trace that shows what took so long; its bucket tells the last one (OpenMetrics 1.0, "Exemplars")
   * @param labelValues in the order of the labels' names; none with a space in it
   */
  observe(seconds: number, traceId: string | undefined, ...labelValues: readonly string[]): void;
}

const noExemplars = (): Array<Exemplar | undefined> => [];

/** As prom-client prints them, in OpenMetrics alone. */
interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Unix seconds. */
  readonly timestamp: number;
}

export function timedSeries<T extends string>(
  options: SeriesOptions<T> & { readonly bucketsSeconds: readonly number[] },
): TimedSeries {
  const { name, help, labelNames, bucketsSeconds } = options;
  const series = seriesOf(labelNames, (labels) => ({
    labels,
    sum: 0,
    /** By bucket; the last is for what is over all bounds. */
    counts: Array.from({ length: bucketsSeconds.length + 1 }, () => 0),
    /** By bucket; empty while no trace was told. */
    exemplars: noExemplars(),
  }));

  /** prom-client's histogram takes no sums: this one answers in its place, by the method that registries ask. */
  class ToldHistogram extends Histogram<T> {
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
  };
}
