import { z } from 'zod';
import type { PrometheusClient, Series } from '../../../test/support/prometheus-client.ts';
import { withoutVariables } from '../queries.ts';
import type { WrittenDashboard } from '../written-dashboard.ts';

/** What Prometheus answered to a dashboard's queries. */
export const readingsSchema = z.object({
  startSeconds: z.number(),
  endSeconds: z.number(),
  /** Unix seconds at which a replica began anew. */
  restarts: z.array(z.number()),
  /** By a panel's id. */
  series: z.record(
    z.string(),
    z.array(z.object({ name: z.string(), points: z.array(z.tuple([z.number(), z.number()])) })),
  ),
});

export type Readings = z.infer<typeof readingsSchema>;
export type NamedSeries = Readings['series'][string][number];

/** In place of what Grafana would choose for so short a range. */
const RATE_INTERVAL = '10s';
const STEP_SECONDS = 1;

/** Asks all that the dashboard asks. @throws Error that names the panels that would be empty */
export async function readPanels(
  { panels }: WrittenDashboard,
  prometheus: PrometheusClient,
  job: string,
  range: Pick<Readings, 'startSeconds' | 'endSeconds'>,
): Promise<Readings> {
  const { startSeconds, endSeconds } = range;
  const series: Readings['series'] = {};
  for (const { id, targets = [] } of panels) {
    const answers = await Promise.all(
      targets.map(async ({ expr, legendFormat, instant }) => {
        const query = withoutVariables(expr, { job, rateInterval: RATE_INTERVAL });
        const from = instant ? endSeconds : startSeconds;
        const found = await prometheus.queryRange(query, {
          startSeconds: from,
          endSeconds,
          stepSeconds: STEP_SECONDS,
        });
        return found.map(({ labels, points }) => ({
          name: nameOf(legendFormat, labels),
          points: points
            .filter(([, value]) => Number.isFinite(value))
            .map(([at, value]): [number, number] => [at, value]),
        }));
      }),
    );
    series[id] = answers.flat();
  }
  const empty = panels.filter(({ id, type }) => type !== 'row' && series[id]?.length === 0);
  if (empty.length > 0) throw new Error(`no data for: ${empty.map(({ title }) => title).join(', ')}`);
  const starts = await prometheus.queryRange(`process_start_time_seconds{job="${job}"}`, {
    ...range,
    stepSeconds: STEP_SECONDS,
  });
  const begun = starts.flatMap(({ points }) => points.map(([, value]) => value));
  return { ...range, series, restarts: [...new Set(begun)].filter((at) => at > startSeconds) };
}

function nameOf(legend: string, labels: Series['labels']): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}
