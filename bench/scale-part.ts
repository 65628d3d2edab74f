import type { Part } from './part.ts';
import { count, type Goal, percent } from './report.ts';
import { measureScale, type ScaleFigures, type ScaleOptions } from './scale.ts';
import type { Cell } from './scale-cell.ts';
import { cellTable, costTable, idleTable } from './scale-tables.ts';
import type { Work } from './support/redis-work-meter.ts';
import { spread } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';

const FULL: ScaleOptions = {
  cached: [1000, 100_000],
  crowd: { quick: 120, slow: 300, finished: 140 },
  warmUpSeconds: 10,
  seconds: 30,
  idleSeconds: 5,
  hotLookups: 20_000,
  messages: 20_000,
};
const QUICK: ScaleOptions = {
  cached: [280, 2800],
  crowd: { quick: 60, slow: 150, finished: 70 },
  warmUpSeconds: 3,
  seconds: 4,
  idleSeconds: 2,
  hotLookups: 4000,
  messages: 2000,
};

/** A tenth is left to noise: equal runs differ by some per cent in commands. */
const MOST_GROWTH = 1.1;
/** By the default, a second. */
const MOST_UPSTREAM_REQUESTS = 1;

export const scale: Part = {
  name: 'scale',
  heading: 'Scale',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const figures = await measureScale(surroundings, options);
    return { goals: goalsOf(figures, options), text: textOf(figures, options) };
  },
};

function cellOf({ fleets }: ScaleFigures, wanted: Partial<Cell>): Cell {
  const cell = fleets
    .flatMap(({ cells }) => cells)
    .find(
      (each) =>
        each.replicas === wanted.replicas &&
        each.cached === wanted.cached &&
        each.routing === (wanted.routing ?? 'kept') &&
        each.watchers === 1,
    );
  if (cell === undefined) throw new Error(`not measured: ${JSON.stringify(wanted)}`);
  return cell;
}

function goalsOf(figures: ScaleFigures, { cached: [few, many] }: ScaleOptions): Goal[] {
  const growth = (
    what: string,
    read: (work: Work) => number,
    more: Partial<Cell>,
    less: Partial<Cell>,
  ): Goal => {
    const ratio = read(cellOf(figures, more).work) / read(cellOf(figures, less).work);
    const goal = `≤ ${MOST_GROWTH.toFixed(2)}`;
    return { figure: what, value: ratio.toFixed(2), goal, met: ratio <= MOST_GROWTH };
  };
  const commands = ({ commands }: Work) => commands;
  const ofCache = ({ reads, stores }: Work) => reads + stores;
  const cpu = ({ redisMicroseconds }: Work) => redisMicroseconds;
  const one = { replicas: 1, cached: many };
  const kept = { replicas: 4, cached: many };
  const spreadOut: Partial<Cell> = { ...kept, routing: 'spread' };
  const projects = `${count(many)} ÷ ${count(few)} projects`;
  const upstream = Math.max(
    ...figures.fleets.flatMap(({ cells }) => cells).map((cell) => cell.upstreamRequests),
  );
  return [
    growth(`Redis commands a lookup, ${projects}, 1 replica`, commands, one, { ...one, cached: few }),
    growth(`Redis CPU a lookup, ${projects}, 1 replica`, cpu, one, { ...one, cached: few }),
    growth(`Redis commands a lookup, ${projects}, 4 replicas`, commands, kept, { ...kept, cached: few }),
    growth(`Redis CPU a lookup, ${projects}, 4 replicas`, cpu, kept, { ...kept, cached: few }),
    growth('Redis commands of the cache a lookup, 4 ÷ 1 replicas, users kept', ofCache, kept, one),
    growth('Redis commands a lookup, 4 ÷ 1 replicas, users kept', commands, kept, one),
    growth('Redis CPU a lookup, 4 ÷ 1 replicas, users kept', cpu, kept, one),
    growth('Redis commands a lookup, 4 ÷ 1 replicas, lookups spread', commands, spreadOut, one),
    growth('Redis CPU a lookup, 4 ÷ 1 replicas, lookups spread', cpu, spreadOut, one),
    {
      figure: 'upstream requests a project and `CACHE_PENDING_TTL_MS`, the most',
      value: upstream.toFixed(2),
      goal: `≤ ${MOST_UPSTREAM_REQUESTS}`,
      met: upstream <= MOST_UPSTREAM_REQUESTS,
    },
  ];
}

function textOf(
  figures: ScaleFigures,
  { cached: [few], crowd, seconds, warmUpSeconds }: ScaleOptions,
): string {
  const spreads = figures.fleets
    .flatMap(({ cells }) => cells)
    .map(({ redisMicroseconds }) => spread(redisMicroseconds));
  return `\
One cluster of three masters, 1, 2 and 4 replicas, and the same crowd whatever their number: ${crowd.quick} users who watch an unfinished
project and ask again 0.5 s after each answer, as the vendor's SDK does, ${crowd.slow} who ask again after 2.5 s, and ${crowd.finished} who ask
for a finished project each second, out of ${count(few)} (or, where the table says so, out of all that are cached). Each user has a project
(or some) and an address of their own; all limits and lives are the defaults, with \`RATE_LIMIT_EXPECTED_REPLICAS\` as many as there are.
The upstream takes 50 ms for an unfinished project. *Kept*: a user's lookups all reach one replica; *spread*: each reaches any, by chance.
${seconds} s each (a window of the limits lasts 60) after ${warmUpSeconds} s. Replicas share core 0; Redis and the load core 1.

Counted is what the service sends, as \`EVALSHA\` and \`EVAL\` in the \`INFO commandstats\` of all masters: *reads* of a project (or
renewals of a flight that lasts for more than half a second), *flights ended* (mostly with an answer to store), *limits* counted. What scripts call is not counted again (\`MGET\`, \`PTTL\`, \`SET\`, \`DEL\`, \`INCRBY\`),
but tells them apart; *messages* are the \`PUBLISH\` among it. Redis' CPU is all that its processes used, less what they use with no
lookups at all. *Spread* is that of the four quarters of the time. A bound of a tenth leaves room for what differs from run to run: some
per cent of commands; of CPU more where something else uses the machine (the largest spread here is ${percent(Math.max(...spreads))}).

${markdownTable(cellTable(figures, few))}

Cached projects cost a lookup nothing: a key is found as fast among many. Asking for more *different* ones costs reads, since a
replica's own copies are older then. What grows with replicas is this, and it has an end:

- Each replica reads a project once in \`CACHE_PENDING_TTL_MS\` or \`CACHE_MEMORY_TTL_SECONDS\` (T), if it is asked for it at all. A
  project that is asked for λ times a second costs 1 ÷ (1 + λ × T ÷ R) reads a lookup, spread over R replicas: never more than 1. With
  users kept R is the number of replicas at which the project is watched, mostly 1.
- A replica settles a user's limit each time that 2.5 % of it ÷ R are used: of 600 each 16th, 8th and 4th lookup with 1, 2 and 4 replicas,
  from 16 replicas on each one; the address's ten times more seldom. Never more than one of either a lookup.

So no lookup sends more than one read, one end of a flight and two counts, and one read more each time that it waits for another
replica (each half second at the most); upstream requests stay one a project in \`CACHE_PENDING_TTL_MS\` at the most throughout.

What a lookup costs by its kind, as many at a time as are answered: *hot* from memory, *miss* with the upstream asked (without
latency), *re-read* where Redis holds it and the replica's memory does not.

${markdownTable(costTable(figures))}

With no lookups, and what it costs to tell that a flight is over: published at one master, which sends it to the others, and they
to all replicas. It happens only where another replica waits.

${markdownTable(idleTable(figures))}

A finished project of ${count(figures.bodyBytes)} bytes takes ${count(figures.memoryBytes)} bytes of Redis' memory; by \`MEMORY USAGE\` ${count(figures.usageBytes)}.`;
}
