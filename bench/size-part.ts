import type { Part } from './part.ts';
import { count, type Goal, type Table } from './report.ts';
import { FULL, measureSize, type ProjectSize, QUICK } from './size.ts';
import { markdownTable } from './support/table.ts';

const RATIO_GOAL = 1.3;
/** With two signed URLs a body has this length or more. */
const GOAL_BODY_BYTES = 750;

export const size: Part = {
  name: 'size',
  heading: 'Size of a cached project',
  async run(surroundings, { quick }) {
    const sizes = await measureSize(surroundings, quick ? QUICK : FULL);
    return { goals: sizeGoals(sizes), text: sizeText(sizes) };
  },
};

function sizeGoals(sizes: readonly ProjectSize[]): Goal[] {
  return sizes
    .filter(({ bodyBytes }) => bodyBytes === GOAL_BODY_BYTES)
    .map(({ bodyBytes, managedBytes }) => ({
      figure: `memory of a cached project ÷ its ${bodyBytes} bytes`,
      value: (managedBytes / bodyBytes).toFixed(2),
      goal: `≤ ${RATIO_GOAL.toFixed(2)}`,
      met: managedBytes <= RATIO_GOAL * bodyBytes,
    }));
}

function sizeText(sizes: readonly ProjectSize[]): string {
  return `\
All that is held for one project: key, body, ETag, times and what finds it again. *In memory* is by how much a process grew,
after full garbage collections, that filled a memory tier of the default size and did nothing else, for each project in it;
*resident* is by how much more of it was resident, with the room that V8 keeps for garbage. *In Redis* is the growth of
\`used_memory\` for each project; *its key* is \`MEMORY USAGE\` of one. Ids have 25 characters.

${markdownTable(sizeTable(sizes))}`;
}

function sizeTable(sizes: readonly ProjectSize[]): Table {
  const heading = [
    'body bytes',
    'in memory',
    '÷ body',
    'resident',
    '÷ body',
    'in Redis',
    '÷ body',
    'its key',
  ];
  const rows = sizes.map(({ bodyBytes, managedBytes, residentBytes, redisBytes, redisKeyBytes }) => {
    const withRatio = (bytes: number) => [count(bytes), (bytes / bodyBytes).toFixed(2)];
    const figures = [managedBytes, residentBytes, redisBytes].flatMap(withRatio);
    return [count(bodyBytes), ...figures, count(redisKeyBytes)];
  });
  return [heading, ...rows];
}
