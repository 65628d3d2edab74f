import type { Part } from './part.ts';
import type { Goal, Table } from './report.ts';
import { measureStart, type Start, type Starts } from './start.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';

const FULL = { starts: 10 };
const QUICK = { starts: 2 };
const GOAL_MS = 500;

const wholeMs = (ms: number) => `${Math.round(ms)} ms`;

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

function goalOf({ form, next }: Starts): Goal {
  const medianMs = median(next.map(({ readyMs }) => readyMs));
  return {
    figure: `start to ready, ${form}, compiled before, median`,
    value: wholeMs(medianMs),
    goal: `≤ ${GOAL_MS} ms`,
    met: medianMs <= GOAL_MS,
  };
}

function startTable(figures: readonly Starts[]): Table {
  const row = (name: string, starts: readonly Start[]) => {
    const readyMs = starts.map((each) => each.readyMs);
    const cpuMs = starts.map((each) => each.cpuMs);
    const times = [Math.min(...readyMs), median(readyMs), Math.max(...readyMs), median(cpuMs)];
    return [name, `${starts.length}`, ...times.map(wholeMs)];
  };
  return [
    ['started', 'starts', 'fastest', 'median', 'slowest', 'CPU, median'],
    ...figures.flatMap(({ form, first, next }) => [
      row(`${form}, nothing compiled yet`, first),
      row(`${form}, compiled before`, next),
    ]),
  ];
}
