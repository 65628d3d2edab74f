import { count, percent, type Table } from './report.ts';
import type { ScaleFigures } from './scale.ts';
import type { Cell } from './scale-cell.ts';
import type { Work } from './support/redis-work-meter.ts';
import { spread } from './support/statistics.ts';

export function cellTable({ fleets }: ScaleFigures, few: number): Table {
  return [
    [
      'replicas',
      'cached projects',
      'lookups',
      'lookups/s',
      'Redis commands/lookup',
      'reads',
      'flights ended',
      'limits',
      'messages',
      'Redis CPU µs/lookup',
      'spread',
      'Redis bytes/lookup',
      'upstream requests/project/s',
    ],
    ...fleets
      .flatMap(({ cells }) => cells)
      .map((cell) => [
        count(cell.replicas),
        count(cell.cached),
        lookupsOf(cell, few),
        count(cell.work.lookups / cell.work.seconds),
        cell.work.commands.toFixed(3),
        cell.work.reads.toFixed(3),
        cell.work.stores.toFixed(3),
        cell.work.counts.toFixed(3),
        cell.work.messages.toFixed(3),
        cell.work.redisMicroseconds.toFixed(1),
        percent(spread(cell.redisMicroseconds)),
        count(cell.work.networkBytes),
        cell.upstreamRequests.toFixed(2),
      ]),
  ];
}

function lookupsOf({ replicas, routing, watchers, finishedProjects }: Cell, few: number): string {
  const notes = [
    replicas === 1 ? 'one replica' : routing,
    ...(watchers > 1 ? [`${watchers} watch each project`] : []),
    ...(finishedProjects > few ? [`hits of ${count(finishedProjects)}`] : []),
  ];
  return notes.join('; ');
}

/** Hot ones where few projects are cached, all in memory; the others where there are many, since few are soon asked for. */
export function costTable({ fleets }: ScaleFigures): Table {
  const many = Math.max(...fleets.map(({ cached }) => cached));
  const rows = fleets.map(({ replicas, cached, filling, hot }) =>
    cached < many
      ? costRow(replicas, 'hot', hot)
      : costRow(replicas, replicas === 1 ? 'miss' : 're-read', filling),
  );
  return [
    ['replicas', 'lookup', 'service CPU µs', 'Redis commands', 'Redis CPU µs', 'Redis bytes', 'lookups/s'],
    ...rows,
  ];
}

const costRow = (replicas: number, name: string, work: Work) => [
  count(replicas),
  name,
  work.serviceMicroseconds.toFixed(0),
  work.commands.toFixed(2),
  work.redisMicroseconds.toFixed(1),
  count(work.networkBytes),
  count(work.lookups / work.seconds),
];

export function idleTable({ fleets }: ScaleFigures): Table {
  return [
    [
      'replicas',
      'cached projects',
      'Redis CPU, idle',
      'commands each second by each replica',
      'a message: Redis CPU µs',
      'CPU µs of each replica',
    ],
    ...fleets.map(({ replicas, cached, idle, message }) => [
      count(replicas),
      count(cached),
      percent(idle.redisCpuShare),
      [...idle.commands]
        .map(([name, each]) => `${name.replace('|', ' ').toUpperCase()} ${each.toFixed(1)}`)
        .join(', '),
      message.redisMicroseconds.toFixed(1),
      message.replicaMicroseconds.toFixed(1),
    ]),
  ];
}
