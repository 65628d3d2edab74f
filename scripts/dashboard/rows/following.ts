import { of, type Row } from '../panel.ts';

export const following: Row = {
  title: 'Following',
  panels: [
    {
      title: 'Event streams open',
      shows:
        'Event streams that are open at each replica. Each is a connection, and counts among the requests in flight.',
      normal: 'Follows the users who wait for projects; spread evenly some minutes after a deployment.',
      otherwise:
        'Near 10,000 at a replica it takes no more connections: add replicas. 0 with users about: a proxy cuts them off.',
      unit: 'short',
      width: 12,
      queries: [{ expr: of('event_streams_open'), legend: '{{instance}}' }],
    },
    {
      title: 'Projects followed',
      shows:
        'Projects that event streams and waiting lookups follow at each replica. All replicas together poll each of them once.',
      normal: 'As many as render at the moment, or fewer.',
      otherwise: 'Growing without end: projects that never end; look for them at Magic Hour.',
      unit: 'short',
      width: 12,
      queries: [{ expr: of('projects_watched'), legend: '{{instance}}' }],
    },
  ],
};
