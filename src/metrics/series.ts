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
    inc(...labelValues) {
      series.of(...labelValues).untold += 1;
    },
  };
}

export interface TimedSeries {
  /** @param labelValues in the order of the labels' names; none with a space in it */
  observe(seconds: number, ...labelValues: readonly string[]): void;
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
  }));

  /** prom-client's histogram takes no sums: this one answers in its place, by the method that registries ask. */
  class ToldHistogram extends Histogram<T> {
    async getForPromString() {
      const values: unknown[] = [];
      for (const { labels: sharedLabels, sum, counts } of series.all()) {
        let count = 0;
        for (const [at, inBucket] of counts.entries()) {
          count += inBucket;
          const labels = { le: bucketsSeconds[at] ?? '+Inf' };
          values.push({ metricName: `${name}_bucket`, labels, sharedLabels, value: count });
        }
        values.push({ metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum });
        values.push({ metricName: `${name}_count`, labels: {}, sharedLabels, value: count });
      }
      return { name, help, type: 'histogram', values };
    }
  }
  new ToldHistogram({ ...options, buckets: [...bucketsSeconds] });
  return {
    observe(seconds, ...labelValues) {
      const kept = series.of(...labelValues);
      let at = 0;
      while (seconds > (bucketsSeconds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
      kept.sum += seconds;
      kept.counts[at] = (kept.counts[at] ?? 0) + 1;
    },
  };
}
