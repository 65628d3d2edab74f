import type { Part } from './part.ts';
import type { Goal, Table } from './report.ts';
import { measureStart, type Starts } from './start.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';

const FULL = { starts: 10 };
const QUICK = { starts: 2 };
const GOAL_SECONDS = 0.5;

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export const start: Part = {
  name: 'start',
  heading: 'Start',
  async run(surroundings, { quick }) {
    const starts = await measureStart(surroundings, quick ? QUICK : FULL);
    return {
      goals: starts.map(goalOf),
      text: `\
From before the process exists to the first 200 of \`/readyz\`, in turns. *Built* is what \`npm run build\` writes and the image
holds, with its compiled code.

${markdownTable(startTable(starts))}`,
    };
  },
};

function goalOf({ form, nextMs }: Starts): Goal {
  const medianMs = median(nextMs);
  return {
    figure: `start to ready, ${form}, compiled before, median`,
    value: seconds(medianMs),
    goal: `≤ ${GOAL_SECONDS} s`,
    met: medianMs <= GOAL_SECONDS * 1000,
  };
}

function startTable(starts: readonly Starts[]): Table {
  const row = (name: string, startsMs: readonly number[]) => [
    name,
    `${startsMs.length}`,
    seconds(Math.min(...startsMs)),
    seconds(median(startsMs)),
    seconds(Math.max(...startsMs)),
  ];
  return [
    ['started', 'starts', 'fastest', 'median', 'slowest'],
    ...starts.flatMap(({ form, firstMs, nextMs }) => [
      row(`${form}, nothing compiled yet`, firstMs),
      row(`${form}, compiled before`, nextMs),
    ]),
  ];
}
