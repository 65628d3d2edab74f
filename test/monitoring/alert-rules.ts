import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const FOLDER = new URL('../../config/prometheus/', import.meta.url);
const TESTS = new URL('tests/', FOLDER);

export const ALERTS_FILE = fileURLToPath(new URL('alerts.yml', FOLDER));
export const RULE_TEST_FILES = readdirSync(TESTS).map((name) => fileURLToPath(new URL(name, TESTS)));

const texts = z.record(z.string(), z.string()).default({});
const alertRule = z.object({ alert: z.string(), expr: z.string(), labels: texts, annotations: texts });
const recordingRule = z.object({ record: z.string(), expr: z.string() });
export type AlertRule = z.output<typeof alertRule>;

const rulesSchema = z.object({
  groups: z.array(z.object({ rules: z.array(z.union([alertRule, recordingRule])) })),
});

const rules = rulesSchema
  .parse(parse(readFileSync(ALERTS_FILE, 'utf8')))
  .groups.flatMap((group) => group.rules);

export const ALERT_RULES = rules.filter((rule): rule is AlertRule => 'alert' in rule);
export const EXPRESSIONS = rules.map((rule) => ({
  name: 'alert' in rule ? rule.alert : rule.record,
  expr: rule.expr,
}));

const ruleTestsSchema = z.object({
  tests: z.array(
    z.object({
      name: z.string(),
      promql_expr_test: z.array(
        z.object({ exp_samples: z.array(z.object({ labels: z.string() })).default([]) }),
      ),
    }),
  ),
});

/** What a case of promtool's tests is about, and which alerts fire at the times that it looks at. */
export interface RuleTest {
  readonly alerts: readonly string[];
  readonly firing: ReadonlyArray<readonly string[]>;
}

/** A case's name begins with the alerts that it is about; what follows a semicolon is for people. */
export const RULE_TESTS: readonly RuleTest[] = RULE_TEST_FILES.flatMap((file) =>
  ruleTestsSchema.parse(parse(readFileSync(file, 'utf8'))).tests.map(({ name, promql_expr_test: looks }) => ({
    alerts: (name.split(';')[0] ?? '').split(', '),
    firing: looks.map(({ exp_samples: samples }) =>
      samples.flatMap(({ labels }) => /alertname="(\w+)"/.exec(labels)?.[1] ?? []),
    ),
  })),
);
