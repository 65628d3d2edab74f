/**
 * `npm run dashboard -- [--check] [--file PATH]`: writes the dashboard that Grafana loads. With `--check` nothing is
 * written, and a file that is not current ends with exit code 1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDashboard } from './dashboard.ts';
import { ROWS } from './rows.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    file: { type: 'string', default: 'config/grafana/dashboards/magic-hour-bff.json' },
  },
});

const current = `${JSON.stringify(createDashboard(ROWS), null, 2)}\n`;
if (!values.check) {
  writeFileSync(values.file, current);
  process.stdout.write(`${values.file}: written\n`);
} else if (readFileSync(values.file, 'utf8') === current) {
  process.stdout.write(`${values.file}: current\n`);
} else {
  process.stderr.write(`${values.file}: not current; run: npm run dashboard\n`);
  process.exitCode = 1;
}
