import type { HotFigures, Turn } from './hot.ts';
import type { MemoryFigures } from './memory.ts';
import { median, spread } from './support/statistics.ts';

export interface Goal {
  readonly figure: string;
  readonly value: string;
  readonly goal: string;
  readonly met: boolean;
}

export type Table = ReadonlyArray<readonly string[]>;

const HOT_RATIO_GOAL = 0.3;
const MEMORY_GOAL_MIB = 256;
const START_GOAL_SECONDS = 1.5;

const count = (value: number) => Math.round(value).toLocaleString('en-US');
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const of = (turns: readonly Turn[], read: (turn: Turn) => number) => median(turns.map(read));
const rate = (turns: readonly Turn[]) => of(turns, (turn) => turn.requestsPerSecond);

export function goalsOf(hot: HotFigures, memory: MemoryFigures, startsMs: readonly number[]): Goal[] {
  const ratio = rate(hot.service) / rate(hot.bare);
  const slowestSeconds = Math.max(...startsMs) / 1000;
  return [
    {
      figure: 'hot lookup ÷ bare Express 5',
      value: ratio.toFixed(3),
      goal: `≥ ${HOT_RATIO_GOAL.toFixed(2)}`,
      met: ratio >= HOT_RATIO_GOAL,
    },
    {
      figure: `resident memory, highest, ${count(memory.lookups)} lookups`,
      value: mib(memory.peakBytes),
      goal: `< ${MEMORY_GOAL_MIB} MiB`,
      met: memory.peakBytes < MEMORY_GOAL_MIB * 2 ** 20,
    },
    {
      figure: `start to ready, slowest of ${startsMs.length}`,
      value: `${slowestSeconds.toFixed(2)} s`,
      goal: `≤ ${START_GOAL_SECONDS} s`,
      met: slowestSeconds <= START_GOAL_SECONDS,
    },
  ];
}

export function goalTable(goals: readonly Goal[]): Table {
  return [
    ['figure', 'measured', 'goal', ''],
    ...goals.map(({ figure, value, goal, met }) => [figure, value, goal, met ? 'met' : 'MISSED']),
  ];
}

export function hotTable({ bare, service, withoutRedis }: HotFigures): Table {
  const row = (name: string, turns: readonly Turn[]) => [
    name,
    count(rate(turns)),
    percent(spread(turns.map((turn) => turn.requestsPerSecond))),
    (rate(turns) / rate(bare)).toFixed(3),
    turns
      .map((turn, n) => (turn.requestsPerSecond / (bare[n]?.requestsPerSecond ?? Number.NaN)).toFixed(2))
      .join(' '),
    of(turns, (turn) => turn.p50Ms).toFixed(1),
    of(turns, (turn) => turn.p99Ms).toFixed(1),
    of(turns, (turn) => turn.cpuMicrosecondsPerRequest).toFixed(1),
    percent(Math.max(...turns.map((turn) => turn.foreignShare))),
  ];
  return [
    [
      'contender',
      'requests/s',
      'spread',
      '÷ bare',
      '÷ bare, by round',
      'p50 ms',
      'p99 ms',
      'CPU µs/request',
      'foreign CPU',
    ],
    row('bare Express 5', bare),
    row('magic-hour-bff', service),
    row('magic-hour-bff without Redis', withoutRedis),
  ];
}

export function memoryTable(memory: MemoryFigures): Table {
  return [
    ['figure', 'value'],
    ['lookups', count(memory.lookups)],
    ['upstream requests', count(memory.upstreamRequests)],
    ['lookups/s', count(memory.requestsPerSecond)],
    ['body', `${memory.bodyBytes} bytes`],
    ['resident when ready', mib(memory.idleBytes)],
    ['resident, highest', mib(memory.peakBytes)],
    ['resident after the last lookup', mib(memory.afterBytes)],
    ['`cache_memory_bytes`', mib(memory.cacheBytes)],
    ['`cache_memory_entries`', count(memory.cacheEntries)],
    ['V8 heap', mib(memory.heapBytes)],
    ['Buffers and the like', mib(memory.externalBytes)],
    ["Redis' own memory", mib(memory.redisBytes)],
  ];
}

export function startTable(startsMs: readonly number[]): Table {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  return [
    ['starts', 'median', 'slowest'],
    [`${startsMs.length}`, seconds(median(startsMs)), seconds(Math.max(...startsMs))],
  ];
}
