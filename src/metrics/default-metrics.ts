import { totalmem } from 'node:os';
import {
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type PrometheusContentType,
  type Registry,
} from 'prom-client';

/**
 * Of Node's default metrics these are left out: gauges by names that belong to counters, and what they are sums of. With many
 * connections it takes long to list them all at each scrape; `http_requests_in_flight` and `process_open_fds` tell the same.
 */
const LEFT_OUT = ['handles', 'requests', 'resources'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

const GC_KINDS = ['major', 'minor', 'incremental', 'weakcb'];

/** What Node tells of itself, and how much memory it may take. */
export function registerProcessMetrics(registry: Registry<PrometheusContentType>): void {
  collectDefaultMetrics({ register: registry });
  for (const name of LEFT_OUT) registry.removeSingleMetric(name);
  const collections = registry.getSingleMetric('nodejs_gc_duration_seconds');
  if (collections instanceof Histogram) for (const kind of GC_KINDS) collections.zero({ kind });
  new Gauge({
    name: 'process_memory_limit_bytes',
    help: "Memory that the process may take: its control group's limit, or all that the machine has.",
    registers: [registry],
    collect() {
      this.set(memoryLimitBytes());
    },
  });
}

/** Node says 0 where it knows no limit, and a number beyond all machines where there is none. */
function memoryLimitBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
