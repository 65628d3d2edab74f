import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

export interface RenderedMetrics {
  readonly contentType: string;
  readonly text: string;
}

/** Prometheus' text form, or OpenMetrics where the scraper asks for it. */
export function serveMetrics(render: (openMetrics: boolean) => Promise<RenderedMetrics>): Handler {
  return async (req, res) => {
    const { contentType, text } = await render(
      /application\/openmetrics-text/.test(req.headers.accept ?? ''),
    );
    respond(req, res, 200, ['Content-Type', contentType, 'Cache-Control', 'no-store'], Buffer.from(text));
  };
}
