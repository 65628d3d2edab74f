import { expect, test } from 'vitest';
import { axisOf } from '../../scripts/dashboard/picture/axis.ts';
import { drawPicture } from '../../scripts/dashboard/picture/draw.ts';
import { WIDTH } from '../../scripts/dashboard/picture/html.ts';
import { plotOf } from '../../scripts/dashboard/picture/plot.ts';
import type { NamedSeries, Readings } from '../../scripts/dashboard/picture/readings.ts';
import { formatValue } from '../../scripts/dashboard/picture/units.ts';
import { readDashboard, type WrittenPanel } from '../../scripts/dashboard/written-dashboard.ts';

const START = 1_800_000_000;
const RANGE = { startSeconds: START, endSeconds: START + 3 };
const dashboard = readDashboard();

test.for([
  ['bytes', 0, '0 B'],
  ['bytes', 1536, '1.5 KiB'],
  ['bytes', 64 * 1024 ** 2, '64 MiB'],
  ['s', 0.0000421, '42.1 µs'],
  ['s', 0.25, '250 ms'],
  ['s', 12, '12 s'],
  ['d', 59.96, '60 days'],
  ['d', 1, '1 day'],
  ['dtdurations', 151, '2 min 31 s'],
  ['percentunit', 0.0123, '1.23%'],
  ['reqps', 1234, '1.23 K req/s'],
  ['none', 3, '3'],
] as const)('in %s, %d is written %s', ([unit, value, text]) => {
  expect(formatValue(unit, value)).toBe(text);
});

test.for([
  ['s', 0, 0.43, ['0 s', '100 ms', '200 ms', '300 ms', '400 ms', '500 ms']],
  ['bytes', 0, 190 * 1024 ** 2, ['0 B', '64 MiB', '128 MiB', '192 MiB']],
  ['percentunit', 0, 1, ['0%', '20%', '40%', '60%', '80%', '100%']],
  ['none', 0, 0, ['0', '0.2', '0.4', '0.6', '0.8', '1']],
] as const)('an axis of %s from %d to %d has round steps that cover it', ([unit, from, to, labels]) => {
  const { min, max, ticks } = axisOf(unit, [from, to]);
  expect(ticks.map(([, label]) => label)).toEqual(labels);
  expect(min).toBeLessThanOrEqual(from);
  expect(max).toBeGreaterThanOrEqual(to);
});

test('a stack stands each series on those below, and leaves out what is 0 all the time', () => {
  const { plot, legend } = plotOf(
    titled('Lookups by result'),
    [series('memory_hit', [3, 3, 3, 3]), series('error', [0, 0, 0, 0]), series('miss', [1, 0, 2, 1])],
    { ...RANGE, restarts: [], series: {} },
  );
  expect(legend.map(({ name }) => name)).toEqual(['memory_hit', 'miss']);
  expect(plot.data.slice(1)).toEqual([
    [3, 3, 3, 3],
    [4, 3, 5, 4],
  ]);
});

test('a limit is drawn in the color of what lies on its bad side, where it is in sight', () => {
  const limitsAt = (title: string, value: number) =>
    plotOf(titled(title), [series('x', [value, value, value, value])], {
      ...RANGE,
      restarts: [],
      series: {},
    }).plot.lines.filter(({ dashed }) => dashed);
  expect(limitsAt('Latency of lookups', 0.1)).toEqual([]);
  expect(limitsAt('Latency of lookups', 0.9)).toEqual([{ color: '#F2495C', dashed: true }]);
  expect(limitsAt('Certificates: time left', 30)).toEqual([{ color: '#F2495C', dashed: true }]);
});

test('the whole dashboard is drawn by a real browser, of the size that its panels take', async () => {
  const readings: Readings = { ...RANGE, restarts: [START + 2], series: {} };
  for (const { id } of dashboard.panels) {
    readings.series[id] = [series('first', [0, 1, 2, 1]), series('second', [1, 1, 0, 1])];
  }
  const png = await drawPicture(dashboard, readings);
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  // The header's fields: https://www.w3.org/TR/png-3/#11IHDR
  expect(png.readUInt32BE(16)).toBe(WIDTH);
  expect(png.readUInt32BE(20)).toBeGreaterThan(WIDTH);
});

function series(name: string, values: readonly number[]): NamedSeries {
  return { name, points: values.map((value, n): [number, number] => [START + n, value]) };
}

function titled(title: string): WrittenPanel {
  const panel = dashboard.panels.find((each) => each.title === title);
  if (panel === undefined) throw new Error(`no panel has the title ${title}`);
  return panel;
}
