import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { findPromtool } from '../support/prometheus.ts';
import { startStack } from '../support/stack.ts';
import { ALERTS_FILE, EXPRESSIONS } from './alert-rules.ts';
import { dashboardQueries } from './dashboard-queries.ts';
import { type EventfulLoad, startEventfulLoad } from './eventful-load.ts';
import { queryParts } from './query-parts.ts';
import { RUNBOOK } from './runbook.ts';
import { startWatchedService, type WatchedService } from './watched-service.ts';

const ROUNDS_AHEAD = 2;
const DATA_TIMEOUT_MS = 15_000;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

let watched: WatchedService;
let load: EventfulLoad;
beforeAll(async () => {
  watched = await startWatchedService([ALERTS_FILE]);
  load = startEventfulLoad(watched);
  await load.rounds(ROUNDS_AHEAD);
});
afterAll(async () => {
  await load.stop();
  await watched.stop();
});

/** What `promtool check metrics` has to say of a page. */
async function lint(page: string): Promise<{ code: number | null; said: string }> {
  const child = spawn(await findPromtool(), ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(page);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const said = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, said: said.join('') };
}

describe('promtool has nothing to say', () => {
  test('of the metrics of a service that nobody asked anything yet', async () => {
    const { ops } = await startStack();
    expect(await lint((await ops.request('/metrics')).body.toString())).toEqual({ code: 0, said: '' });
  });

  test('of the metrics of one that has seen all', async () => {
    const [{ ops }] = watched.replicas;
    expect(await lint((await ops.request('/metrics')).body.toString())).toEqual({ code: 0, said: '' });
  });

  test('unless there is something', async () => {
    const { code, said } = await lint('# HELP a_total A gauge.\n# TYPE a_total gauge\na_total 1\n');
    expect(code).not.toBe(0);
    expect(said).toContain('_total');
  });
});

describe('under load that causes all that can happen, there is data', () => {
  async function expectData(expression: string): Promise<void> {
    await vi.waitFor(
      async () => {
        const values = (await watched.prometheus.query(expression)).map(({ value }) => value);
        expect(values.filter((value) => !Number.isNaN(value))).not.toEqual([]);
      },
      { timeout: DATA_TIMEOUT_MS, interval: 250 },
    );
  }

  test.for(EXPRESSIONS)('for each part of $name', async ({ expr }) => {
    for (const part of queryParts(expr)) await expectData(part);
  });

  test.for(RUNBOOK)('for what the runbook asks about $alert', async ({ queries }) => {
    for (const query of queries) for (const part of queryParts(query)) await expectData(part);
  });

  test.for(dashboardQueries())('for the panel "$panel": $expr', async ({ expr }) => {
    for (const part of queryParts(expr)) await expectData(part);
  });

  test('and no query of a series that nobody knows has any', async () => {
    expect(await watched.prometheus.query('no_such_metric')).toEqual([]);
  });
});

describe('Prometheus', () => {
  const alertsSchema = z.object({
    data: z.object({
      alerts: z.array(z.object({ annotations: z.record(z.string(), z.string()) })),
    }),
  });

  test('evaluates all rules without a fault, and words its alerts', async () => {
    const rules = await watched.prometheus.rules();
    expect(rules.map(({ name }) => name).toSorted()).toEqual(EXPRESSIONS.map(({ name }) => name).toSorted());
    expect(rules.filter(({ health, lastError }) => health !== 'ok' || lastError)).toEqual([]);
    const { alerts } = alertsSchema.parse(await watched.prometheus.get('/api/v1/alerts')).data;
    expect(alerts).not.toEqual([]);
    for (const { annotations } of alerts)
      expect(JSON.stringify(annotations)).not.toMatch(/<error|<no value>/);
  });

  const exemplarsSchema = z.object({
    data: z.array(
      z.object({
        seriesLabels: z.record(z.string(), z.string()),
        exemplars: z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.coerce.number() })),
      }),
    ),
  });

  test('has the trace of a request that is kept, in the bucket of what it took, and of no other', async () => {
    const [stack] = watched.replicas;
    const unkept = TRACE_ID.replaceAll('4', '5');
    const beganSeconds = Date.now() / 1000;
    const lookup = (traceId: string, flags: string) =>
      stack.lookup('complete-traced', {
        user: 'traced',
        headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` },
      });
    // Not while Magic Hour isn't asked.
    await vi.waitFor(async () => expect((await lookup(unkept, '00')).status).toBe(200), DATA_TIMEOUT_MS);
    await lookup(TRACE_ID, '01');
    await lookup(unkept, '00');
    await vi.waitFor(async () => {
      const query = new URLSearchParams({
        query: 'http_request_duration_seconds_bucket{route="/v1/image-projects/{id}",status="200"}',
        start: `${beganSeconds - 60}`,
        end: `${Date.now() / 1000 + 60}`,
      });
      const { data } = exemplarsSchema.parse(
        await watched.prometheus.get(`/api/v1/query_exemplars?${query}`),
      );
      const found = data.flatMap(({ seriesLabels: { le }, exemplars }) =>
        exemplars.map(({ labels, value }) => ({ traceId: labels.trace_id, value, le: Number(le) })),
      );
      expect(found.map(({ traceId }) => traceId)).toContain(TRACE_ID);
      expect(found.map(({ traceId }) => traceId)).not.toContain(unkept);
      for (const { value, le } of found) expect(value).toBeLessThanOrEqual(le);
    }, DATA_TIMEOUT_MS);
  });
});
