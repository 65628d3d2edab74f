import {
  type EventLoopFigures,
  type EventLoopOptions,
  type LoopTurn,
  measureEventLoop,
} from './event-loop.ts';
import type { Part } from './part.ts';
import { count, percent, type Table } from './report.ts';
import { median } from './support/statistics.ts';
import { markdownTable } from './support/table.ts';

const FULL: EventLoopOptions = { projects: 100_000, rounds: 3, fullSeconds: 5, seconds: 10 };
const QUICK: EventLoopOptions = { projects: 10_000, rounds: 1, fullSeconds: 2, seconds: 3 };

const LONGEST_WORK_MS = 10;

export const eventLoop: Part = {
  name: 'event-loop',
  heading: 'Event loop',
  async run(surroundings, { quick }) {
    const options = quick ? QUICK : FULL;
    const figures = await measureEventLoop(surroundings, options);
    const longestMs = Math.max(...figures.service.map(({ busiestThreadMs }) => busiestThreadMs));
    return {
      goals: [
        {
          figure: `longest work on the event loop, ${count(options.projects)} projects cached`,
          value: `${longestMs.toFixed(1)} ms`,
          goal: `≤ ${LONGEST_WORK_MS} ms`,
          met: longestMs <= LONGEST_WORK_MS,
        },
      ],
      text: `\
The service in memory-only mode holds ${count(options.projects)} projects and answers lookups that walk over all of them, half as many a
second as it can (${count(figures.requestsPerSecond)}). Its event loop is watched from inside; in turns with it, on the same core, that of a bare
\`node:http\` with nothing to do and with as many requests. ${options.rounds} turns of ${options.seconds} s each; the worst of each figure.

*Delays* are those of \`monitorEventLoopDelay\` at 1 ms, whatever was the reason: they are long, too, where another process
has the core. *Work* is the CPU time that the loop's own thread used within one turn of the loop, which nobody else can
lengthen; *with helpers* is that of all threads of the process, since what V8's helpers take of the one core (they collect
garbage and compile) is taken from the loop, and more of it fits into a turn that another process made long.

${markdownTable(table(figures))}`,
    };
  },
};

function table({ idle, bare, service }: EventLoopFigures): Table {
  return [
    [
      'process',
      'turns of the loop',
      'p99.99 delay ms',
      'longest delay ms',
      'delays > 10 ms',
      'longest work ms',
      'longest with helpers ms',
      'with helpers > 10 ms',
      'foreign CPU',
    ],
    row('node:http, idle', idle),
    row('node:http, as many requests', bare),
    row('magic-hour-bff, memory only', service),
  ];
}

function row(name: string, turns: readonly LoopTurn[]): readonly string[] {
  const worst = (read: (turn: LoopTurn) => number) => Math.max(...turns.map(read));
  return [
    name,
    count(median(turns.map((turn) => turn.turns))),
    worst((turn) => turn.p9999Ms).toFixed(1),
    worst((turn) => turn.longestMs).toFixed(1),
    count(worst((turn) => turn.longTurns)),
    worst((turn) => turn.busiestThreadMs).toFixed(1),
    worst((turn) => turn.busiestMs).toFixed(1),
    count(worst((turn) => turn.busyTurns)),
    percent(worst((turn) => turn.foreignShare)),
  ];
}
