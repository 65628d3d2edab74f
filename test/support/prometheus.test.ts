import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrometheus } from './prometheus.ts';
import { startStack } from './stack.ts';

test('Prometheus scrapes a service and answers queries', async () => {
  const { service } = await startStack();
  const prometheus = await startPrometheus({
    targets: [new URL(service.opsUrl).host],
    scrapeIntervalMs: 200,
  });
  onTestFinished(prometheus.stop);

  await vi.waitFor(async () => {
    expect(await prometheus.query('up')).toMatchObject([{ labels: { job: 'magic-hour-bff' }, value: 1 }]);
  }, 10_000);
  const nowSeconds = Date.now() / 1000;
  const range = { startSeconds: nowSeconds - 10, endSeconds: nowSeconds, stepSeconds: 1 };
  expect(await prometheus.queryRange('build_info', range)).toHaveLength(1);
  expect(await prometheus.query('no_such_metric')).toEqual([]);
  expect(await prometheus.query('vector(-1) / 0')).toEqual([{ labels: {}, value: -Infinity }]);
  expect(await prometheus.query('vector(0) / 0')).toEqual([{ labels: {}, value: NaN }]);
});
