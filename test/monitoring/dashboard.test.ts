import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parser } from '@prometheus-io/lezer-promql';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { withoutVariables } from '../../scripts/dashboard/queries.ts';
import { ROWS } from '../../scripts/dashboard/rows.ts';
import { readDashboard } from '../../scripts/dashboard/written-dashboard.ts';

const run = promisify(execFile);
const COLUMNS = 24;
const ALERTS_FILE = 'config/prometheus/alerts.yml';

const { panels, ...dashboard } = readDashboard();
const shown = panels.filter(({ type }) => type !== 'row');

const alertRules = z
  .object({
    groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string().optional() })) })),
  })
  .parse(parse(readFileSync(ALERTS_FILE, 'utf8')));
const alerts = alertRules.groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
const alertsNamed = shown.flatMap(
  ({ description = '' }) => /^Alerts: (.+) \(/m.exec(description)?.[1]?.split(', ') ?? [],
);

test('the dashboard that Grafana loads is the one that its source describes', async () => {
  await run(process.execPath, ['scripts/dashboard/main.ts', '--check']);
});

test('a dashboard that is not current ends the check with exit code 1', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-dashboard-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'dashboard.json');
  await writeFile(file, '{}');
  await expect(
    run(process.execPath, ['scripts/dashboard/main.ts', '--check', '--file', file]),
  ).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('npm run dashboard') });
});

test.for(alerts)('a panel names the alert %s', (alert) => {
  expect(alertsNamed).toContain(alert);
});

test.for([...new Set(alertsNamed)])('%s, which a panel names, is an alert', (alert) => {
  expect(alerts).toContain(alert);
});

test.for(shown)('"$title" says what it shows, what is normal, and what to do otherwise', (panel) => {
  const [shows, normal, otherwise] = (panel.description ?? '').split('\n\n');
  expect(shows).toMatch(/^[\p{Lu}\d].+\.$/u);
  expect(normal).toMatch(/^Normal: .+\.$/);
  expect(otherwise).toMatch(/^Otherwise: .+[.?]$/);
  const titles = panels.map(({ title }) => title);
  for (const [, title] of (panel.description ?? '').matchAll(/see "([^"]+)"/gi)) {
    expect(titles, 'what it tells to see').toContain(title);
  }
});

test.for([
  ...shown.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
  ...dashboard.annotations.list.map(({ name, expr }) => ({ title: name, expr })),
])('"$title" asks in sound PromQL: $expr', ({ expr }) => {
  const sound = withoutVariables(expr, { job: 'magic-hour-bff', rateInterval: '1m' });
  expect(sound).not.toContain('$');
  expect(faultsOf(sound)).toEqual([]);
});

test('a query that is not PromQL is told', () => {
  expect(faultsOf('sum by (status) rate(')).not.toEqual([]);
});

test('all ids are there once, and panels fill each line and overlap nowhere', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken, `"${title}" lies on another panel`).not.toContain(`${x} ${y}`);
        expect(x).toBeLessThan(COLUMNS);
        taken.add(`${x} ${y}`);
      }
    }
  }
  const height = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  expect(taken.size).toBe(height * COLUMNS);
});

test('whoever looks chooses the data source, the job and the replicas', () => {
  const variables = dashboard.templating.list.map(({ name, type }) => `${type} ${name}`);
  expect(variables).toEqual(['datasource datasource', 'query job', 'query instance']);
  for (const { datasource } of shown) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana's
    expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
  }
});

test('links stay: the uid is fixed, and a title stands once', () => {
  expect(dashboard.uid).toBe('magic-hour-bff');
  const titles = ROWS.flatMap((row) => row.panels.map(({ title }) => title));
  expect(new Set(titles).size).toBe(titles.length);
});

/** What the parser could not make sense of. */
function faultsOf(expr: string): string[] {
  const faults: string[] = [];
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) faults.push(`at ${node.from}: ${expr.slice(node.from)}`);
    },
  });
  return faults;
}
