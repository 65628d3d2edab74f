import type { Handler } from './request-context.ts';

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
    res.setHeader('Content-Type', contentType);
    res.setHeader('Cache-Control', 'no-store');
    res.end(text);
  };
}
