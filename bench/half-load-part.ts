import { type HalfLoadFigures, type HalfLoadOptions, type HalfTurn, measureHalfLoad } from './half-load.ts';
import type { Part } from './part.ts';
import { count, percent, type Table } from './report.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';
import { CONNECTIONS } from './support/wrk.ts';

const FULL: HalfLoadOptions = {
  rounds: 5,
  warmUpRequests: 50_000,
  fullSeconds: 5,
  seconds: 8,
  leadInSeconds: 6,
};
const QUICK: HalfLoadOptions = {
  rounds: 1,
  warmUpRequests: 20_000,
  fullSeconds: 2,
  seconds: 2,
  leadInSeconds: 2,
};

const P99_GOAL_MS = 5;

/** Of the turns: those in which other processes took the least of the core. */
const COUNTED_SHARE = 0.6;

export const halfLoad: Part = {
  name: 'half-load',
  heading: 'Latency at half of the full load',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const services = await measureHalfLoad(surroundings, options);
    return {
      goals: services.map(({ name, turns }) => {
        const p99Ms = medianOf(leastDisturbed(turns), (turn) => turn.p99Ms);
        return {
          figure: `p99 at half load: ${name}`,
          value: `${p99Ms.toFixed(2)} ms`,
          goal: `≤ ${P99_GOAL_MS} ms`,
          met: p99Ms <= P99_GOAL_MS,
        };
      }),
      text: `\
The same lookups, half as many a second as this service answers at most: the load by \`wrk\` for ${options.fullSeconds} s, then in turns ${options.rounds} of
${options.seconds} s each, by requests that come independently of each other (a Poisson process) over ${CONNECTIONS} connections. Latency
counts from the moment at which a request was due, so that nothing is left out while the service stands still; what the
sender itself was late is in it. Medians of those ${Math.ceil(options.rounds * COUNTED_SHARE)} turns in which other processes took the least of core 0; *foreign CPU* is what
they took in each. Each turn has the same load for ${options.leadInSeconds} s before it, which is told apart (*lead-in*): the process idled while the other
had its turn, and is slow at first.

${markdownTable(table(services))}`,
    };
  },
};

function leastDisturbed(turns: readonly HalfTurn[]): HalfTurn[] {
  const sorted = turns.toSorted((a, b) => a.foreignShare - b.foreignShare);
  return sorted.slice(0, Math.ceil(turns.length * COUNTED_SHARE));
}

const medianOf = (turns: readonly HalfTurn[], read: (turn: HalfTurn) => number) => median(turns.map(read));

function table(services: readonly HalfLoadFigures[]): Table {
  return [
    [
      'service',
      'full, requests/s',
      'half, requests/s',
      'p50 ms',
      'p99 ms',
      'p99 ms, by turn',
      'lead-in, p99 ms, by turn',
      'p99.9 ms',
      'longest ms',
      'sender late, p99 ms',
      'foreign CPU, by turn',
    ],
    ...services.map(({ name, full, turns }) => {
      const of = (read: (turn: HalfTurn) => number) => medianOf(leastDisturbed(turns), read);
      return [
        name,
        count(full),
        count(of((turn) => turn.requestsPerSecond)),
        of((turn) => turn.p50Ms).toFixed(2),
        of((turn) => turn.p99Ms).toFixed(2),
        turns.map((turn) => turn.p99Ms.toFixed(1)).join(' '),
        turns.map((turn) => turn.leadInP99Ms.toFixed(1)).join(' '),
        of((turn) => turn.p999Ms).toFixed(2),
        of((turn) => turn.maxMs).toFixed(1),
        of((turn) => turn.senderLateP99Ms).toFixed(2),
        turns.map((turn) => percent(turn.foreignShare)).join(' '),
      ];
    }),
  ];
}
