import type { Config } from '../config.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Tracing } from '../tracing/tracing.ts';

const asItIs = <T>(part: T) => part;

/** Where tracing is off every part stays the very object that it is, so that it costs nothing. */
const OFF: Tracing = {
  listener: asItIs,
  requestEnded: asItIs,
  verifier: asItIs,
  redis: asItIs,
  upstream: asItIs,
  transport: asItIs,
  close: async () => undefined,
};

/** Tracing, if a collector is configured; OpenTelemetry is loaded only then. */
export async function openTracing(
  { tracing, upstream }: Pick<Config, 'tracing' | 'upstream'>,
  deps: { readonly logger: Logger; readonly version: string },
): Promise<Tracing> {
  const { endpoint } = tracing;
  if (endpoint === undefined) return OFF;
  const { logger, version } = deps;
  const { startTracing } = await import('../tracing/tracing.ts');
  logger.event('tracing_started', { collector: new URL(endpoint).origin, sampler: tracing.sampler });
  const failures = createBurst<string>({
    happened: (reason, count) => logger.event('spans_not_exported', { reason, count }),
    over: () => logger.event('spans_exported'),
  });
  return startTracing(
    { ...tracing, endpoint },
    {
      version,
      upstreamUrl: upstream.baseUrl,
      events: { exported: failures.over, exportFailed: failures.happened },
    },
  );
}
