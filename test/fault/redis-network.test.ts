import type { RedisFault } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import type { RedisTopology } from '../support/redis-topology.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let proxy: TcpProxy;
let spare: RedisServer;

async function startProxied(): Promise<RedisTopology> {
  const server = await startRedisServer();
  spare = await startRedisServer();
  proxy = await startTcpProxy(server.port);
  return {
    env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    servers: [server],
    async stop() {
      await proxy.close();
      await Promise.all([server, spare].map((each) => each.stop()));
    },
  };
}

const FAULTS: readonly RedisFault[] = [
  {
    name: 'at 200 ms a command',
    left: 'nothing',
    begin: () => proxy.delayReplies(200),
    end: () => proxy.delayReplies(0),
  },
  {
    name: 'at the other end of connections that are half open',
    left: 'nothing',
    begin: () => proxy.swallow(),
    end: () => proxy.pass(),
  },
  {
    name: 'that became a replica, and whose address leads to another by now',
    left: 'nothing',
    // As with a managed Redis: nobody closes the connections to the one that was the master.
    begin: ({ servers }) =>
      Promise.all(servers.map((server) => server.command('REPLICAOF', server.host, '1'))),
    end: () => proxy.leadTo(spare.port),
  },
];

describeRedisFaults('over a bad network', startProxied, FAULTS);
