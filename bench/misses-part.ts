import {
  type MissFigures,
  type MissOptions,
  type MissTurns,
  measureMisses,
  PLACES,
  SLOW_UPSTREAM_MS,
} from './misses.ts';
import { HELD, type HeldUpFigures, type HeldUpTurn } from './misses-held-up.ts';
import type { Part } from './part.ts';
import { count, type Goal, percent, type Table } from './report.ts';
import { median, spread } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';
import type { Turn } from './support/turn.ts';

const FULL: MissOptions = { rounds: 3, seconds: 6, warmUpSeconds: 3 };
const QUICK: MissOptions = { rounds: 1, seconds: 2, warmUpSeconds: 1 };

const CPU_RATIO_GOAL = 1.5;
const IDEAL_SHARE_GOAL = 0.9;
/** Turns of one and the same contender lie as far apart on a noisy machine. */
const HELD_UP_P99_GOAL = 1.25;
const IDEAL_PER_SECOND = PLACES / (SLOW_UPSTREAM_MS / 1000);

const of = (turns: readonly Turn[], read: (turn: Turn) => number) => median(turns.map(read));
const cpu = (turn: Turn) => turn.cpuMicrosecondsPerRequest;
const rate = (turn: Turn) => turn.requestsPerSecond;
const p99 = (turn: Turn) => turn.p99Ms;

/** The median of the ratios round by round, since what disturbs a round disturbs both. */
function cpuRatio({ proxy }: MissTurns, turns: readonly Turn[]): number {
  return median(turns.map((turn, n) => cpu(turn) / (proxy[n] ? cpu(proxy[n]) : Number.NaN)));
}

export const misses: Part = {
  name: 'misses',
  heading: 'Misses',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const figures = await measureMisses(surroundings, options);
    return { goals: missGoals(figures), text: missText(figures, options) };
  },
};

function missGoals({ fast, slow, heldUp }: MissFigures): Goal[] {
  const held = HELD.filter((callers) => callers > 0);
  return [
    ...(
      [
        ['without Redis', 'withoutRedis'],
        ['with Redis', 'withRedis'],
      ] as const
    ).flatMap(([name, which]) => {
      const ratio = cpuRatio(fast, fast[which]);
      const share = of(slow[which], rate) / IDEAL_PER_SECOND;
      return [
        {
          figure: `CPU of a miss ${name} ÷ leanest undici proxy`,
          value: ratio.toFixed(2),
          goal: `≤ ${CPU_RATIO_GOAL.toFixed(2)}`,
          met: ratio <= CPU_RATIO_GOAL,
        },
        {
          figure: `misses/s ${name}, ${SLOW_UPSTREAM_MS} ms upstream, ${PLACES} connections ÷ ideal`,
          value: share.toFixed(3),
          goal: `≥ ${IDEAL_SHARE_GOAL.toFixed(2)}`,
          met: share >= IDEAL_SHARE_GOAL,
        },
      ];
    }),
    ...held.map((callers) => {
      const ratio = of(turnsOf(heldUp, callers), p99) / of(turnsOf(heldUp, 0), p99);
      return {
        figure: `p99 of hits, ${callers} lookups hanging ÷ none`,
        value: ratio.toFixed(2),
        goal: `≤ ${HELD_UP_P99_GOAL.toFixed(2)}`,
        met: ratio <= HELD_UP_P99_GOAL,
      };
    }),
  ];
}

function missText(figures: MissFigures, { rounds, seconds, warmUpSeconds }: MissOptions): string {
  return `\
Every lookup is of a project that nobody asked for before, so that each goes to the upstream (${percent(figures.missShare)} of the service's did)
and its answer into the caches; all else as above. The yardstick adds the key and copies the ${figures.bodyBytes} bytes, and does nothing
else. In turns, ${rounds} of ${seconds} s each after ${warmUpSeconds} s of warm-up; medians.

${markdownTable(costTable(figures.fast))}

The same with an upstream that takes ${SLOW_UPSTREAM_MS} ms, over ${PLACES} connections; ideal are ${count(IDEAL_PER_SECOND)} requests/s.

${markdownTable(slowTable(figures.slow))}

Hits in memory, while other callers' lookups hang on the upstream for all of the turn.

${markdownTable(heldUpTable(figures.heldUp))}`;
}

function costTable(turns: MissTurns): Table {
  const row = (name: string, of_: readonly Turn[]) => [
    name,
    count(of(of_, rate)),
    of(of_, cpu).toFixed(1),
    percent(spread(of_.map(cpu))),
    cpuRatio(turns, of_).toFixed(2),
    of(of_, (turn) => turn.p50Ms).toFixed(1),
    of(of_, p99).toFixed(1),
    percent(Math.max(...of_.map((turn) => turn.foreignShare))),
  ];
  return [
    ['contender', 'requests/s', 'CPU µs/request', 'its spread', '÷ proxy', 'p50 ms', 'p99 ms', 'foreign CPU'],
    row('leanest undici proxy', turns.proxy),
    row('magic-hour-bff without Redis', turns.withoutRedis),
    row('magic-hour-bff', turns.withRedis),
  ];
}

function slowTable(turns: MissTurns): Table {
  const row = (name: string, of_: readonly Turn[]) => [
    name,
    count(of(of_, rate)),
    (of(of_, rate) / IDEAL_PER_SECOND).toFixed(3),
    of(of_, (turn) => turn.p50Ms).toFixed(1),
    of(of_, p99).toFixed(1),
    of(of_, cpu).toFixed(1),
  ];
  return [
    ['contender', 'requests/s', '÷ ideal', 'p50 ms', 'p99 ms', 'CPU µs/request'],
    row('leanest undici proxy', turns.proxy),
    row('magic-hour-bff without Redis', turns.withoutRedis),
    row('magic-hour-bff', turns.withRedis),
  ];
}

function heldUpTable(figures: HeldUpFigures): Table {
  return [
    ['hanging callers', 'in flight', 'queued', 'refused', 'hits/s', 'p50 ms', 'p99 ms', 'p99 ms by round'],
    ...HELD.map((callers) => {
      const turns = turnsOf(figures, callers);
      return [
        `${callers}`,
        ...[median(turns.map((turn) => turn.inFlight)), median(turns.map((turn) => turn.queued))].map(count),
        count(median(turns.map((turn) => turn.refused))),
        count(of(turns, rate)),
        of(turns, (turn) => turn.p50Ms).toFixed(2),
        of(turns, p99).toFixed(2),
        turns.map((turn) => turn.p99Ms.toFixed(1)).join(' '),
      ];
    }),
  ];
}

function turnsOf({ turns }: HeldUpFigures, callers: number): readonly HeldUpTurn[] {
  return turns.get(callers) ?? [];
}
