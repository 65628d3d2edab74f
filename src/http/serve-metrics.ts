import type { Registry } from 'prom-client';
import { openMetricsView } from '../metrics/metrics.ts';
import type { Handler } from './request-context.ts';

/** Prometheus' text form, or OpenMetrics where the scraper prefers it. */
export function serveMetrics(registry: Registry): Handler {
  const openMetrics = openMetricsView(registry);
  return async (req, res) => {
    const chosen = /application\/openmetrics-text/.test(req.headers.accept ?? '') ? openMetrics : registry;
    const text = await chosen.metrics();
    res.setHeader('Content-Type', chosen.contentType);
    res.setHeader('Cache-Control', 'no-store');
    res.end(text);
  };
}
