/**
 * `npm run dashboard:picture -- [--file PATH] [--keep PATH | --from PATH]`: starts the service with all that it needs,
 * sends it three minutes of traffic with some incidents, and draws the dashboard from what a real Prometheus scraped
 * meanwhile. Grafana is not part of it: the panels, their queries and looks come out of the dashboard's JSON.
 *
 * `--keep` writes what was read, too, and `--from` draws that again.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readDashboard } from '../written-dashboard.ts';
import { drawPicture } from './draw.ts';
import { withFewerColors } from './few-colors.ts';
import { type Readings, readingsSchema, readPanels } from './readings.ts';
import { sendTraffic } from './traffic.ts';
import { JOB, startWorld } from './world.ts';

const ALERTS = fileURLToPath(new URL('../../../config/prometheus/alerts.yml', import.meta.url));
/** Until the rates over the first seconds are there. */
const WARM_UP_SECONDS = 12;

const { values } = parseArgs({
  options: {
    file: { type: 'string', default: 'docs/images/dashboard.png' },
    keep: { type: 'string' },
    from: { type: 'string' },
  },
});

// The processes of the world end when this one exits, which by a signal it would not.
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

const dashboard = readDashboard();
const readings =
  values.from === undefined
    ? await readFromWorld()
    : readingsSchema.parse(JSON.parse(readFileSync(values.from, 'utf8')));
if (values.keep !== undefined) writeFileSync(values.keep, JSON.stringify(readings));

const picture = await withFewerColors(await drawPicture(dashboard, readings));
mkdirSync(dirname(values.file), { recursive: true });
writeFileSync(values.file, picture);
process.stdout.write(`${values.file}: written, ${Math.ceil(picture.length / 1024)} KiB\n`);

async function readFromWorld(): Promise<Readings> {
  const world = await startWorld([ALERTS]);
  try {
    const beganAtSeconds = Math.ceil(Date.now() / 1000);
    await sendTraffic(world);
    const endSeconds = Math.floor(Date.now() / 1000);
    const startSeconds = beganAtSeconds + WARM_UP_SECONDS;
    return await readPanels(dashboard, world.prometheus, JOB, { startSeconds, endSeconds });
  } finally {
    await world.stop();
  }
}
