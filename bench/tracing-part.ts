import type { Part } from './part.ts';
import { count, type Goal, type Table } from './report.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';
import type { Turn } from './support/turn.ts';
import { CONNECTIONS } from './support/wrk.ts';
import { BASE, measureTracing, OFF, OFF_AGAIN, type TracingOptions, type TracingRuns } from './tracing.ts';

const FULL = { rounds: 7, seconds: 8, warmUpRequests: 50_000 };
const QUICK = { rounds: 1, seconds: 2, warmUpRequests: 20_000 };

/** Two processes of the same code differ by as much. */
const NOTHING = 0.97;

export const tracing: Part = {
  name: 'tracing',
  heading: 'Tracing',
  async run(surroundings, { quick, base }) {
    const options = { ...(quick ? QUICK : FULL), base };
    const runs = await measureTracing(surroundings, options);
    return { goals: goalsOf(runs), text: textOf(runs, options) };
  },
};

const rate = (turn: Turn) => turn.undisturbedRate;
const cpu = (turn: Turn) => 1 / turn.cpuMicrosecondsPerRequest;

/** Of the turns of one round each. */
function ratios(own: TracingRuns, to: TracingRuns, read = rate): readonly number[] {
  return own.turns.flatMap((turn, round) => {
    const other = to.turns[round];
    return other === undefined ? [] : [read(turn) / read(other)];
  });
}

function goalsOf(runs: readonly TracingRuns[]): Goal[] {
  const of = (name: string) => runs.find((each) => each.name === name);
  const [off, base] = [of(OFF), of(BASE)];
  if (off === undefined || base === undefined) return [];
  const value = median(ratios(off, base));
  return [
    {
      figure: 'tracing off ÷ before there was any',
      value: `${value.toFixed(3)} (by CPU time ${median(ratios(off, base, cpu)).toFixed(3)})`,
      goal: `≥ ${NOTHING}`,
      met: value >= NOTHING,
    },
  ];
}

function textOf(runs: readonly TracingRuns[], options: TracingOptions): string {
  const { rounds, seconds, warmUpRequests, base } = options;
  const before = base === undefined ? '' : ` *${BASE}* is revision ${base}, which knew no tracing.`;
  return `\
Hot lookups out of memory, with \`OTEL_EXPORTER_OTLP_ENDPOINT\` unset (*${OFF}*) and set; *${OFF_AGAIN}* is the first once more, and shows how far
two processes of the same code lie apart.${before} A hot lookup is one span; the collector counts bytes and shares core 1 with the load.

In turns, ${rounds} of ${seconds} s each, each with a process of its own and after ${count(warmUpRequests)} requests to warm up, full load by
\`wrk -t1 -c${CONNECTIONS}\`. *÷ ${OFF}* is the median of the ratios of requests per second in one round, with the lowest and the highest.

${markdownTable(table(runs))}`;
}

function table(runs: readonly TracingRuns[]): Table {
  const [off] = runs;
  if (off === undefined) return [];
  return [
    [
      'tracing',
      'undisturbed requests/s',
      `÷ ${OFF}`,
      'CPU µs/request',
      `÷ ${OFF}, by CPU time`,
      'exported bytes/request',
    ],
    ...runs.map((own) => {
      const requests = own.turns.reduce((sum, turn) => sum + turn.requests, 0);
      return [
        own.name,
        count(median(own.turns.map(rate))),
        range(ratios(own, off)),
        median(own.turns.map((turn) => turn.cpuMicrosecondsPerRequest)).toFixed(1),
        range(ratios(own, off, cpu)),
        (own.exportedBytes / requests).toFixed(1),
      ];
    }),
  ];
}

function range(values: readonly number[]): string {
  return `${median(values).toFixed(3)} (${Math.min(...values).toFixed(3)} – ${Math.max(...values).toFixed(3)})`;
}
