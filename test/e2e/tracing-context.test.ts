import { describe, expect, test } from 'vitest';
import { attemptsIn, startTraced } from '../support/traced-stack.ts';

const CALLERS = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const sampled = `00-${CALLERS.traceId}-${CALLERS.spanId}-01`;
const unsampled = `00-${CALLERS.traceId}-${CALLERS.spanId}-00`;

describe('a trace', () => {
  test('goes on that the caller began, in the log and to the upstream', async () => {
    const { lookup, emulator, traces, logs, collector } = await startTraced();
    await lookup('complete-1', { headers: { traceparent: sampled, tracestate: 'vendor=abc' } });
    const [trace] = await traces();
    expect(trace?.request).toMatchObject({
      traceId: CALLERS.traceId,
      parentSpanId: CALLERS.spanId,
      traceState: 'vendor=abc',
    });
    const [attempt] = attemptsIn(collector.spans);
    const [sent] = emulator.requests;
    expect(sent?.headers.traceparent).toBe(`00-${CALLERS.traceId}-${attempt?.spanId}-01`);
    expect(sent?.headers).not.toHaveProperty('tracestate');
    expect(logs().find((line) => line.includes('"msg":"request"'))).toContain(
      `"trace_id":"${CALLERS.traceId}"`,
    );
  });

  test('begins here where the caller began none, and the log names it', async () => {
    const { lookup, traces, logs } = await startTraced();
    await lookup('complete-1', { headers: { traceparent: 'none' } });
    const [trace] = await traces();
    expect(trace?.request.parentSpanId).toBe('');
    expect(logs().find((line) => line.includes('"msg":"request"'))).toContain(
      `"trace_id":"${trace?.request.traceId}"`,
    );
  });

  test('that the caller does not sample is not exported, and goes on to the upstream as that', async () => {
    const { lookup, emulator, traces } = await startTraced();
    await lookup('complete-1', { headers: { traceparent: unsampled } });
    expect(await traces()).toEqual([]);
    expect(emulator.requests[0]?.headers.traceparent).toMatch(
      new RegExp(`^00-${CALLERS.traceId}-[0-9a-f]{16}-00$`),
    );
  });

  test.each([
    ['always_on', unsampled, 1],
    ['always_off', sampled, 0],
    ['traceidratio', sampled, 0],
    ['parentbased_always_off', sampled, 1],
    ['parentbased_always_off', undefined, 0],
    ['parentbased_traceidratio', undefined, 0],
    ['parentbased_traceidratio', sampled, 1],
  ])(
    'is sampled by %s, with the ratio 0, where the caller says %s: %i',
    async (sampler, traceparent, count) => {
      const { lookup, traces } = await startTraced({
        env: { OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: '0' },
      });
      await lookup('complete-1', traceparent === undefined ? {} : { headers: { traceparent } });
      expect(await traces()).toHaveLength(count);
    },
  );
});
