import { of, orZero, perSecond, type Row } from '../panel.ts';

export const redis: Row = {
  title: 'Redis',
  panels: [
    {
      title: 'Redis up',
      shows: 'Whether Redis answers each replica.',
      normal: 'Up; nothing is shown of replicas that have none configured.',
      otherwise:
        'The service goes on without: each replica has its own cache and its share of the limits, and Magic Hour is asked more.',
      alerts: ['RedisDown'],
      unit: 'none',
      width: 8,
      max: 1,
      words: { 0: 'down', 1: 'up' },
      queries: [
        {
          expr: `${of('redis_up')} unless on (job, instance) (${of('redis_configured')} == 0)`,
          legend: '{{instance}}',
        },
      ],
    },
    {
      title: 'Failed commands by operation',
      shows: 'Redis commands each second that failed or took longer than REDIS_COMMAND_TIMEOUT_MS.',
      normal: 'None.',
      otherwise:
        'While Redis is down a few, from the probe. While it is up: it is full, slow, or refuses a command.',
      alerts: ['RedisCommandsFail'],
      as: 'stacked',
      unit: 'ops',
      width: 8,
      queries: [{ expr: `sum by (operation) (${perSecond('redis_errors_total')})`, legend: '{{operation}}' }],
    },
    {
      title: 'Answers out of Redis',
      shows:
        'Lookups each second that memory had no copy of and Redis had, and those that Redis had not, either.',
      normal: 'A share of the traffic that grows with the number of replicas.',
      otherwise:
        'No hits with Redis up: is REDIS_KEY_PREFIX the same for all replicas? Does Redis evict (maxmemory)?',
      unit: 'reqps',
      width: 8,
      queries: [
        { expr: orZero(`sum(${perSecond('lookups_total', 'result="redis_hit"')})`), legend: 'hits' },
        { expr: orZero(`sum(${perSecond('lookups_total', 'result="miss"')})`), legend: 'misses' },
      ],
    },
  ],
};
