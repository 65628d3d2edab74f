import { of, orZero, perSecond, type Row } from '../panel.ts';

const results = (pattern: string) => orZero(`sum(${perSecond('lookups_total', `result=~"${pattern}"`)})`);
const share = (pattern: string) => `${results(pattern)} / sum(${perSecond('lookups_total')})`;

export const cache: Row = {
  title: 'Cache',
  panels: [
    {
      title: 'Lookups by result',
      shows:
        'Lookups each second by how they were answered. `collapsed` waited for a request that was under way.',
      normal: 'Nearly all are hits; `miss` is what Magic Hour is asked.',
      otherwise: 'More misses: see "Hit ratio". More errors: see "Upstream requests by status".',
      as: 'stacked',
      unit: 'reqps',
      width: 5,
      queries: [{ expr: `sum by (result) (${perSecond('lookups_total')})`, legend: '{{result}}' }],
      colors: { memory_hit: 'green', redis_hit: 'blue', collapsed: 'purple', miss: 'yellow', error: 'red' },
    },
    {
      title: 'Hit ratio',
      shows: 'Share of lookups that cost Magic Hour nothing, and from where they were answered.',
      normal: 'Steady, above 90 % where users poll; below 70 % of what is usual is an alert.',
      otherwise:
        'A fall comes with Redis away, a memory tier that is too small, a purge of much, or ids that nobody asked for before.',
      alerts: ['CacheHitRatioFallen'],
      unit: 'percentunit',
      width: 5,
      max: 1,
      queries: [
        { expr: share('memory_hit|redis_hit|collapsed'), legend: 'all' },
        { expr: share('memory_hit'), legend: 'memory' },
        { expr: share('redis_hit'), legend: 'Redis' },
        { expr: share('collapsed'), legend: 'collapsed' },
        {
          expr: 'avg_over_time(job:lookup_hits:ratio_rate30m{job="$job"}[1d])',
          legend: 'usual (a day)',
        },
      ],
    },
    {
      title: 'Memory of the cache',
      shows: 'Bytes that the memory tier of each replica holds.',
      normal: 'Up to CACHE_MEMORY_MAX_BYTES, and level there.',
      otherwise: 'Level at the bound with a low hit ratio: raise the bound, and the memory limit with it.',
      unit: 'bytes',
      width: 5,
      queries: [{ expr: of('cache_memory_bytes'), legend: '{{instance}}' }],
    },
    {
      title: 'Projects in memory',
      shows: 'Projects that the memory tier of each replica holds.',
      normal: 'Follows traffic; some 900 bytes each.',
      otherwise: 'Falling to 0 is a restart: see "Uptime".',
      unit: 'short',
      width: 5,
      queries: [{ expr: of('cache_memory_entries'), legend: '{{instance}}' }],
    },
    {
      title: 'Projects by status',
      shows: 'Lookups each second by the status of the project that was looked up.',
      normal: '`complete` leads; `queued` and `rendering` are polled.',
      otherwise:
        'Many `error`: see status.magichour.ai. `unknown` is a status that is not documented: see "Contract drift".',
      as: 'stacked',
      unit: 'reqps',
      width: 4,
      queries: [{ expr: `sum by (status) (${perSecond('lookup_status_total')})`, legend: '{{status}}' }],
      colors: {
        complete: 'green',
        rendering: 'blue',
        queued: 'yellow',
        error: 'red',
        canceled: 'purple',
        unknown: 'orange',
      },
    },
  ],
};
