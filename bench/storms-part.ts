import type { Part } from './part.ts';
import { count, ms, type Table } from './report.ts';
import {
  LOOK_EVERY_MS,
  measureStorms,
  type Stampede,
  type StormCase,
  type StormOptions,
  UPSTREAM_MS,
} from './storms.ts';
import { markdownTable } from './support/table.ts';

const FULL: StormOptions = {
  replicas: [1, 2, 4],
  watchers: [1, 10, 100, 1000],
  ttlsMs: [1000, 250],
  lives: 20,
  stampedes: 3,
  stampedeWatchers: 1000,
};
const QUICK: StormOptions = { ...FULL, watchers: [1, 1000], ttlsMs: [1000], lives: 5, stampedes: 1 };

const RATIO_GOAL = 1.05;

const ratioOf = ({ upstreamRequests, ideal }: StormCase) => upstreamRequests / ideal;

export const storms: Part = {
  name: 'storms',
  heading: 'Storms',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const { cases, stampedes } = await measureStorms(surroundings, options);
    const worst = Math.max(...cases.map(ratioOf));
    const most = Math.max(...stampedes.map(({ upstreamRequests }) => upstreamRequests));
    return {
      goals: [
        {
          figure: `upstream requests ÷ ideal, worst of ${cases.length} storms`,
          value: worst.toFixed(2),
          goal: `≤ ${RATIO_GOAL.toFixed(2)}`,
          met: worst <= RATIO_GOAL,
        },
        {
          figure: `upstream requests of a stampede of ${count(options.stampedeWatchers)}, most of ${stampedes.length}`,
          value: `${most}`,
          goal: '1',
          met: most === 1,
        },
      ],
      text: `\
Watchers of one unfinished project, spread over the replicas, each of which looks again ${LOOK_EVERY_MS} ms after its last answer, as Magic
Hour's SDK does; the upstream takes ${UPSTREAM_MS} ms. *Ideal* is what one asker would send who knows at once when an answer is over: one
request in \`CACHE_PENDING_TTL_MS\` and the time that the next answer takes, the first at the beginning. Fewer watchers than it
takes to look at each of those moments send fewer. *Waits* are of all looks, those included that find the answer in memory. All replicas share core 0.

${markdownTable(caseTable(cases))}

A stampede: ${count(options.stampedeWatchers)} ask at the same moment for what every replica had in memory, and what is just over.

${markdownTable(stampedeTable(stampedes))}`,
    };
  },
};

function caseTable(cases: readonly StormCase[]): Table {
  return [
    [
      'replicas',
      'watchers',
      'TTL',
      'looks',
      'upstream requests',
      'ideal',
      '÷ ideal',
      'Redis scripts/look',
      'wait p50',
      'p99',
      'longest',
    ],
    ...cases.map((each) => [
      `${each.replicas}`,
      count(each.watchers),
      `${each.ttlMs} ms`,
      count(each.lookups),
      `${each.upstreamRequests}`,
      `${each.ideal}`,
      ratioOf(each).toFixed(2),
      (each.redisScripts / each.lookups).toFixed(2),
      ms(each.p50Ms),
      ms(each.p99Ms),
      ms(each.maxMs),
    ]),
  ];
}

function stampedeTable(stampedes: readonly Stampede[]): Table {
  return [
    ['replicas', 'upstream requests', 'wait p50', 'p99', 'longest'],
    ...stampedes.map(({ replicas, upstreamRequests, p50Ms, p99Ms, maxMs }) => [
      `${replicas}`,
      `${upstreamRequests}`,
      ms(p50Ms),
      ms(p99Ms),
      ms(maxMs),
    ]),
  ];
}
