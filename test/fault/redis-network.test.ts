import type { RedisFault } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { startRedisServer } from '../support/redis-server.ts';
import type { RedisTopology } from '../support/redis-topology.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let proxy: TcpProxy;

async function startProxied(): Promise<RedisTopology> {
  const server = await startRedisServer();
  proxy = await startTcpProxy(server.port);
  return {
    env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
    servers: [server],
    async stop() {
      await proxy.close();
      await server.stop();
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
];

describeRedisFaults('over a bad network', startProxied, FAULTS);
