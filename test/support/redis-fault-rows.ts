import { redisCommand } from './redis-command.ts';
import type { RedisServer } from './redis-server.ts';
import type { RedisTopology } from './redis-topology.ts';

/** Something that happens to Redis, and how it ends. */
export interface RedisFault {
  readonly name: string;
  /**
   * What is left of Redis meanwhile: `nothing`, so that the service does without; `reads`, so that nothing new is counted
   * or kept there; or `service`, where only data are gone.
   */
  readonly left: 'nothing' | 'reads' | 'service';
  begin(topology: RedisTopology): unknown;
  /** Resolves when Redis answers again. */
  end(topology: RedisTopology): unknown;
}

const onEach = (action: (server: RedisServer) => unknown) => (topology: RedisTopology) =>
  Promise.all(topology.servers.map(action));

/** Servers that take writes at the moment. */
export async function mastersOf({ servers }: RedisTopology): Promise<RedisServer[]> {
  const roles = await Promise.all(servers.map((server) => server.command('ROLE')));
  return servers.filter((_server, at) => {
    const role = roles[at];
    return Array.isArray(role) && role[0] === 'master';
  });
}

const onEachMaster = (action: (server: RedisServer) => unknown) => async (topology: RedisTopology) =>
  Promise.all((await mastersOf(topology)).map(action));

/** What can happen to Redis in any form. */
export const REDIS_FAULTS: readonly RedisFault[] = [
  {
    name: 'killed and started again',
    left: 'nothing',
    begin: onEach((server) => server.kill()),
    end: onEach((server) => server.restart()),
  },
  {
    name: 'paused',
    left: 'nothing',
    begin: onEach((server) => server.pause()),
    end: onEach((server) => server.resume()),
  },
  {
    name: 'full',
    left: 'reads',
    begin: onEach(async (server) => {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await server.command('CONFIG', 'SET', 'maxmemory', '1');
    }),
    end: onEach((server) => server.command('CONFIG', 'SET', 'maxmemory', '0')),
  },
  {
    name: 'flushed',
    left: 'service',
    begin: onEachMaster((server) => server.command('FLUSHALL')),
    end: () => undefined,
  },
  {
    name: 'without its scripts',
    left: 'service',
    begin: onEachMaster((server) => server.command('SCRIPT', 'FLUSH')),
    end: () => undefined,
  },
];

const OTHER_PASSWORD = 'not-what-the-service-has';

/** What can happen to one server that asks for `password`, and that nobody else looks after. */
export function singleServerFaults(password: string): RedisFault[] {
  return [
    {
      name: 'made a read-only replica',
      left: 'nothing',
      // Of a master that isn't there: it goes on serving what it has.
      begin: onEach((server) => server.command('REPLICAOF', server.host, '1')),
      end: onEach((server) => server.command('REPLICAOF', 'NO', 'ONE')),
    },
    {
      name: 'with another password than before',
      left: 'nothing',
      begin: onEach(async (server) => {
        await server.command('CONFIG', 'SET', 'requirepass', OTHER_PASSWORD);
        for (const type of ['pubsub', 'normal']) {
          await commandAs(OTHER_PASSWORD, server, 'CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        }
      }),
      end: onEach((server) => commandAs(OTHER_PASSWORD, server, 'CONFIG', 'SET', 'requirepass', password)),
    },
  ];
}

function commandAs(password: string, { host, port }: RedisServer, name: string, ...args: string[]) {
  return redisCommand({ host, port, password }, [name, ...args]);
}
