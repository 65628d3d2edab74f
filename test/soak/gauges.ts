import { scrape } from '../../bench/support/scrape.ts';
import { median } from '../../bench/support/statistics.ts';

/** What must not grow. */
const GAUGES = {
  residentBytes: 'process_resident_memory_bytes',
  heapBytes: 'nodejs_heap_size_used_bytes',
  externalBytes: 'nodejs_external_memory_bytes',
  openFiles: 'process_open_fds',
} as const;

export type Gauge = keyof typeof GAUGES;
export type Sample = Readonly<Record<Gauge, number>> & { readonly atSeconds: number };

const NAMES: readonly Gauge[] = ['residentBytes', 'heapBytes', 'externalBytes', 'openFiles'];

export async function sample(opsUrl: string): Promise<Sample> {
  const read = await scrape(opsUrl);
  const at = (gauge: Gauge) => read(GAUGES[gauge]);
  return {
    atSeconds: performance.now() / 1000,
    residentBytes: at('residentBytes'),
    heapBytes: at('heapBytes'),
    externalBytes: at('externalBytes'),
    openFiles: at('openFiles'),
  };
}

export interface Trend {
  readonly gauge: Gauge;
  /** Medians of the first and of the last third. */
  readonly first: number;
  readonly last: number;
  /** How much the last third lies above the first; 0.05 is 5 %. */
  readonly growth: number;
  /** By Theil and Sen: the median of the slopes between all pairs, which no burst tilts. */
  readonly slopePerMinute: number;
}

export function trends(samples: readonly Sample[]): Trend[] {
  const third = Math.floor(samples.length / 3);
  return NAMES.map((gauge) => {
    const first = median(samples.slice(0, third).map((each) => each[gauge]));
    const last = median(samples.slice(-third).map((each) => each[gauge]));
    return { gauge, first, last, growth: last / first - 1, slopePerMinute: slope(samples, gauge) * 60 };
  });
}

/** Few enough that all their pairs are soon looked at. */
const MAX_POINTS = 400;

function slope(samples: readonly Sample[], gauge: Gauge): number {
  const every = Math.ceil(samples.length / MAX_POINTS);
  const points = samples.filter((_, n) => n % every === 0);
  const slopes = points.flatMap((a, n) =>
    points.slice(n + 1).map((b) => (b[gauge] - a[gauge]) / (b.atSeconds - a.atSeconds)),
  );
  return median(slopes);
}
