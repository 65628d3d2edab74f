import type { Part } from './part.ts';
import type { Table } from './report.ts';
import { measureStart } from './start.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';

const FULL = { starts: 5 };
const QUICK = { starts: 2 };
const GOAL_SECONDS = 1.5;

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export const start: Part = {
  name: 'start',
  heading: 'Start',
  async run(surroundings, { quick }) {
    const startsMs = await measureStart(surroundings, quick ? QUICK : FULL);
    const slowestMs = Math.max(...startsMs);
    return {
      goals: [
        {
          figure: `start to ready, slowest of ${startsMs.length}`,
          value: seconds(slowestMs),
          goal: `≤ ${GOAL_SECONDS} s`,
          met: slowestMs <= GOAL_SECONDS * 1000,
        },
      ],
      text: `From before the process exists to the first 200 of \`/readyz\`.\n\n${markdownTable(startTable(startsMs))}`,
    };
  },
};

function startTable(startsMs: readonly number[]): Table {
  return [
    ['starts', 'median', 'slowest'],
    [`${startsMs.length}`, seconds(median(startsMs)), seconds(Math.max(...startsMs))],
  ];
}
