import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { COMMON_FIELDS, LOG_EVENTS } from '../../src/log-events.ts';
import { findPromtool } from '../support/prometheus.ts';
import { ALERT_RULES, ALERTS_FILE, RULE_TEST_FILES, RULE_TESTS } from './alert-rules.ts';
import { queryParts } from './query-parts.ts';
import { RUNBOOK } from './runbook.ts';

const run = promisify(execFile);
const PROMTOOL_TIMEOUT_MS = 120_000;
const RUNBOOK_PARTS = ['Users see', 'Look', 'Do', 'Escalate'];

describe('the alerts', () => {
  test('are rules that Prometheus takes', async () => {
    const { stdout } = await run(await findPromtool(), ['check', 'rules', ALERTS_FILE]);
    expect(stdout).toContain('SUCCESS');
  });

  test('fire when they should, and not when they should not', { timeout: PROMTOOL_TIMEOUT_MS }, async () => {
    const { stdout } = await run(await findPromtool(), ['test', 'rules', ...RULE_TEST_FILES]);
    expect(stdout.match(/SUCCESS/g)).toHaveLength(RULE_TEST_FILES.length);
  });

  test('have names of their own', () => {
    const names = ALERT_RULES.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });

  describe.each(ALERT_RULES)('$alert', ({ alert, labels, annotations }) => {
    test('is tested both ways', () => {
      const looks = RULE_TESTS.filter(({ alerts }) => alerts.includes(alert)).flatMap(({ firing }) => firing);
      expect(looks.filter((firing) => firing.includes(alert))).not.toEqual([]);
      expect(looks.filter((firing) => !firing.includes(alert))).not.toEqual([]);
    });

    test('says how urgent it is, what is the matter and where to look', () => {
      expect(labels.severity).toMatch(/^(page|ticket)$/);
      expect(annotations).toEqual({
        summary: expect.stringMatching(/^\S.{5,80}$/),
        description: expect.stringMatching(/^\S.{5,160}\.$/),
        runbook: `docs/operations.md#${alert.toLowerCase()}`,
        dashboard: '/d/magic-hour-bff',
      });
    });

    test('has a section in the runbook that says what users see, where to look, what to do and when to escalate', () => {
      const sections = RUNBOOK.filter((section) => section.alert === alert);
      expect(sections).toHaveLength(1);
      for (const { text } of sections) {
        expect([...text.matchAll(/^- \*\*(.+)\*\*:\s+\S/gm)].map(([, part]) => part)).toEqual(RUNBOOK_PARTS);
      }
    });
  });
});

describe('the runbook', () => {
  test('asks the log for fields that lines have, and for events that there are', () => {
    const filters = RUNBOOK.flatMap(({ text }) => [...text.matchAll(/logs[^|]*\| jq -\S+ '([^']+)'/g)]).map(
      ([, filter = '']) => filter,
    );
    const fields = new Set(Object.values(LOG_EVENTS).flatMap((event) => Object.keys(event.fields)));
    for (const common of Object.keys(COMMON_FIELDS)) fields.add(common);
    const asked = filters.flatMap((filter) =>
      [...filter.matchAll(/\.([a-z_]+)/g)].map(([, name = '']) => name),
    );
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((name) => !fields.has(name))).toEqual([]);

    const names = Object.keys(LOG_EVENTS);
    for (const [, how = '', part = ''] of filters.join('\n').matchAll(/\.event \| (\w+)\("([a-z_]+)"\)/g)) {
      const found = names.filter((name) =>
        how === 'startswith' ? name.startsWith(part) : name.endsWith(part),
      );
      expect(found, part).not.toEqual([]);
    }
  });

  test('is of these alerts alone, and names none that is gone', () => {
    const names = ALERT_RULES.map(({ alert }) => alert);
    expect(RUNBOOK.map(({ alert }) => alert).toSorted()).toEqual(names.toSorted());
  });

  test('asks in sound PromQL', () => {
    const queries = RUNBOOK.flatMap((section) => section.queries);
    expect(queries.length).toBeGreaterThan(ALERT_RULES.length);
    for (const query of queries) expect(queryParts(query)).not.toEqual([]);
  });
});
