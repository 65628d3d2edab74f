import { type ForeignFigures, measureForeign } from './foreign.ts';
import type { Part } from './part.ts';
import { count, type Goal } from './report.ts';
import { markdownTable } from './support/table.ts';

const FULL_PAIRS = 40_000;
const QUICK_PAIRS = 500;
/** Of a normal distribution: outside of so many standard errors chance alone lies once in a thousand runs. */
const STANDARD_ERRORS = 3.29;
/** A pair that is not alike must be seen as such, or the measurement shows nothing. */
const SEEN_SHARE = 0.05;

export const foreign: Part = {
  name: 'foreign',
  heading: 'Foreign and unknown projects',
  async run(surroundings, { quick }) {
    const figures = await measureForeign(surroundings, quick ? QUICK_PAIRS : FULL_PAIRS);
    return { goals: goalsOf(figures), text: textOf(figures) };
  },
};

/** How far from one half the share of pairs may lie by chance. */
const chance = (pairs: number) => (STANDARD_ERRORS * 0.5) / Math.sqrt(pairs);

function goalsOf({
  pairs,
  foreignSlower,
  unknownSlower,
  ownSlower,
  upstreamRequests,
}: ForeignFigures): Goal[] {
  const away = (share: number) => Math.abs(share - 0.5);
  return [
    {
      figure: `share of ${count(pairs)} pairs in which the foreign project took longer than the unknown one, from one half`,
      value: away(foreignSlower).toFixed(4),
      goal: `≤ ${chance(pairs).toFixed(4)}, which is chance`,
      met: away(foreignSlower) <= chance(pairs),
    },
    {
      figure: 'the same for two unknown ones',
      value: away(unknownSlower).toFixed(4),
      goal: `≤ ${chance(pairs).toFixed(4)}: nothing else tells them apart`,
      met: away(unknownSlower) <= chance(pairs),
    },
    {
      figure: "the same for a project of the user's own, which is answered",
      value: away(ownSlower).toFixed(4),
      goal: `> ${SEEN_SHARE}: what differs is seen`,
      met: away(ownSlower) > SEEN_SHARE,
    },
    {
      figure: 'upstream requests for all of that',
      value: count(upstreamRequests),
      goal: '0',
      met: upstreamRequests === 0,
    },
  ];
}

function textOf({ pairs, foreignSlower, unknownSlower, ownSlower, medianMs }: ForeignFigures): string {
  const time = (milliseconds: number) => `${(milliseconds * 1000).toFixed(0)} µs`;
  return `\
\`ACCESS_POLICY\` is \`owner\`. One user asks over one connection, in pairs whose order is drawn: a project of somebody else, which is in
memory and in Redis for its owner, and one that nobody has heard of. Both are answered 404 by the same bytes. If time told them apart,
one of the two would take longer in more than half of the pairs.

${markdownTable([
  ['pair', 'pairs', 'the first took longer in', 'median of the first', 'median of the unknown one'],
  [
    'foreign, unknown',
    count(pairs),
    `${(foreignSlower * 100).toFixed(2)} %`,
    time(medianMs.foreign),
    time(medianMs.unknown),
  ],
  ['unknown, unknown', count(pairs), `${(unknownSlower * 100).toFixed(2)} %`, '', ''],
  [
    'own, unknown',
    count(pairs),
    `${(ownSlower * 100).toFixed(2)} %`,
    time(medianMs.own),
    time(medianMs.unknown),
  ],
])}`;
}
