import { onTestFinished } from 'vitest';
import { type OtlpCollector, startOtlpCollector } from './otlp-collector.ts';
import type { ExportedSpan } from './otlp-spans.ts';
import { startRedisServer } from './redis-server.ts';
import { openStack, type StackOptions } from './stack.ts';

export async function startCollector(): Promise<OtlpCollector> {
  const collector = await startOtlpCollector();
  onTestFinished(collector.close);
  return collector;
}

export async function startRedis(password?: string) {
  const redis = await startRedisServer(password === undefined ? {} : { password });
  onTestFinished(redis.stop);
  return redis;
}

/** A stack that is traced. */
export async function startTraced({ env, ...options }: StackOptions = {}) {
  const collector = await startCollector();
  const stack = await openStack({
    ...options,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env },
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= stack.stop();
    return stopped;
  };
  onTestFinished(stop);
  return {
    ...stack,
    collector,
    /** Of each request, in the order in which they ended. A stop sends what was not sent yet. */
    async traces() {
      await stop();
      return collector.spans
        .filter(({ kind }) => kind === 'server')
        .map((request) => ({ request, spans: collector.spans.filter((span) => isOf(request, span)) }));
    },
  };
}

const isOf = (request: ExportedSpan, { traceId }: ExportedSpan) => traceId === request.traceId;

/** Each span's name behind that of its parent. */
export const treeOf = (spans: readonly ExportedSpan[]) =>
  spans
    .map(({ name, parentSpanId }) => {
      const parent = spans.find(({ spanId }) => spanId === parentSpanId);
      return parent === undefined ? name : `${parent.name} > ${name}`;
    })
    .toSorted();

export const find = (spans: readonly ExportedSpan[] | undefined, name: string) =>
  spans?.filter((span) => span.name === name) ?? [];

export const attemptsIn = (spans: readonly ExportedSpan[] | undefined) =>
  spans?.filter(({ attributes }) => 'url.template' in attributes) ?? [];
