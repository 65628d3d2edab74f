import type { Part } from './part.ts';
import { measureProfile, type ProfileFigures } from './profile.ts';
import { percent, type Table } from './report.ts';
import { markdownTable } from './support/table.ts';

const FULL = { warmUpSeconds: 4, seconds: 10 };
const QUICK = { warmUpSeconds: 1, seconds: 2 };

export const profile: Part = {
  name: 'profile',
  heading: 'Where the time of a hot lookup goes',
  async run(surroundings, { quick }) {
    const figures = await measureProfile(surroundings, quick ? QUICK : FULL);
    return {
      goals: [],
      text: `\
A hot lookup out of memory takes ${figures.cpuMicrosecondsPerRequest.toFixed(1)} µs of CPU at full load. V8's sampling profiler says what that is spent on; each
sample counts for the innermost call that is known to belong to a piece of work. See PROFILE.md.

${markdownTable(pieceTable(figures))}`,
    };
  },
};

function pieceTable({ cpuMicrosecondsPerRequest, shares }: ProfileFigures): Table {
  const rows = [...shares].toSorted(([, one], [, other]) => other - one);
  return [
    ['piece', 'share', 'µs'],
    ...rows.map(([piece, share]) => [piece, percent(share), (share * cpuMicrosecondsPerRequest).toFixed(1)]),
  ];
}
