import { bareExpress, fastify, haProxy, serviceInMemory, serviceWithRedis } from './contenders/contenders.ts';
import { type HotFigures, type HotOptions, measureHot } from './hot.ts';
import type { Part } from './part.ts';
import { count, type Goal, percent, type Table } from './report.ts';
import { median, spread } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';
import type { Turn } from './support/turn.ts';
import { CONNECTIONS } from './support/wrk.ts';

const FULL: HotOptions = { rounds: 3, seconds: 8, warmUpRequests: 50_000 };
const QUICK: HotOptions = { rounds: 1, seconds: 2, warmUpRequests: 20_000 };

const MOST_REDIS_COMMANDS = 1;

/** Those that all others are divided by. */
const MEASURES = [bareExpress, fastify, haProxy];

interface Named {
  readonly name: string;
}

export const hot: Part = {
  name: 'hot',
  heading: 'Hot lookup',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const figures = await measureHot(surroundings, options);
    return { goals: goalsOf(figures), text: textOf(figures, options) };
  },
};

const medianOf = (turns: readonly Turn[], read: (turn: Turn) => number) => median(turns.map(read));

/** The median of the ratios of turns of one round: what troubles the machine for a minute troubles both. */
function ratio(
  own: readonly Turn[],
  to: readonly Turn[],
  read = (turn: Turn | undefined) => turn?.undisturbedRate ?? Number.NaN,
): number {
  return median(own.map((turn, n) => read(turn) / read(to[n])));
}

/** The same by the CPU time of each alone, which hardly depends on what else runs, and is blind to waiting. */
const cpuRatio = (own: readonly Turn[], to: readonly Turn[]) =>
  ratio(own, to, (turn) => 1 / (turn?.cpuMicrosecondsPerRequest ?? Number.NaN));

function goalsOf({ turns, nearLimits: { commandsALookup } }: HotFigures): Goal[] {
  const of = ({ name }: Named) => turns.get(name) ?? [];
  const goal = (figure: string, own: Named, to: Named, atLeast: number): Goal => {
    const value = ratio(of(own), of(to));
    return {
      figure,
      value: `${value.toFixed(2)} (by CPU time ${cpuRatio(of(own), of(to)).toFixed(2)})`,
      goal: `≥ ${atLeast}`,
      met: value >= atLeast,
    };
  };
  return [
    goal('memory only ÷ HAProxy', serviceInMemory, haProxy, 1),
    goal('memory only ÷ HAProxy, at least', serviceInMemory, haProxy, 0.8),
    goal('memory only ÷ Fastify', serviceInMemory, fastify, 2.5),
    goal('with Redis ÷ bare Express', serviceWithRedis, bareExpress, 0.6),
    goal('with Redis ÷ bare Express, at least', serviceWithRedis, bareExpress, 0.5),
    {
      figure: 'Redis commands a hot lookup, by users who use up their limit',
      value: commandsALookup.toFixed(3),
      goal: `≤ ${MOST_REDIS_COMMANDS}`,
      met: commandsALookup <= MOST_REDIS_COMMANDS,
    },
  ];
}

function textOf(figures: HotFigures, { rounds, seconds, warmUpRequests }: HotOptions): string {
  const { nearLimits } = figures;
  return `\
Finished projects of ${figures.bodyBytes} bytes out of a cache, several users with RS256 tokens. All but the two bare ones check the
token, count a limit for each user, send helmet's headers and a request id, count in metrics and write a line a request
into a file; before it is timed, each has refused bad tokens and a user over the limit, and after it, its log has as many
lines as there were requests. "With Redis" counts limits there; the naive one has its answers there, too.

No limit is near in this, and this service settles with Redis the more often, the nearer one is. By users who use the default
limit up to the last request, each lookup costs it ${nearLimits.cpuMicrosecondsALookup.toFixed(1)} µs of CPU and ${nearLimits.commandsALookup.toFixed(2)} commands that it sends (the table's are those
that Redis runs, within scripts, too).

In turns, ${rounds} of ${seconds} s each after ${count(warmUpRequests)} requests to warm up, full load by \`wrk -t1 -c${CONNECTIONS}\`; medians. Of this service's lookups ${(figures.memoryHitShare * 100).toFixed(2)} %
were memory hits. *Own CPU* is what the contender took of core 0; *foreign CPU* is what processes that are none of this
benchmark's took of it in the worst turn; *undisturbed* are the requests per second of what those left of the core. *÷* is the
median of their ratios in one round; *spread* is largest − smallest ÷ median. Where own and foreign CPU together are far from
100 %, the load was what limited.

${markdownTable(speedTable(figures))}

${markdownTable(costTable(figures))}`;
}

function speedTable({ turns }: HotFigures): Table {
  return [
    [
      'contender',
      'requests/s',
      'undisturbed',
      'spread',
      ...MEASURES.map(({ name }) => `÷ ${name}`),
      'p50 ms',
      'p99 ms',
    ],
    ...[...turns].map(([name, own]) => [
      name,
      count(medianOf(own, (turn) => turn.requestsPerSecond)),
      count(medianOf(own, (turn) => turn.undisturbedRate)),
      percent(spread(own.map((turn) => turn.undisturbedRate))),
      ...MEASURES.map((measure) => ratio(own, turns.get(measure.name) ?? []).toFixed(2)),
      medianOf(own, (turn) => turn.p50Ms).toFixed(1),
      medianOf(own, (turn) => turn.p99Ms).toFixed(1),
    ]),
  ];
}

function costTable({ turns }: HotFigures): Table {
  return [
    [
      'contender',
      'CPU µs/request',
      "Redis' CPU µs/request",
      'Redis commands/request',
      'own CPU',
      'foreign CPU',
    ],
    ...[...turns].map(([name, own]) => [
      name,
      medianOf(own, (turn) => turn.cpuMicrosecondsPerRequest).toFixed(1),
      medianOf(own, (turn) => turn.redisMicrosecondsPerRequest).toFixed(1),
      medianOf(own, (turn) => turn.redisCommandsPerRequest).toFixed(2),
      percent(medianOf(own, (turn) => turn.ownShare)),
      percent(Math.max(...own.map((turn) => turn.foreignShare))),
    ]),
  ];
}
