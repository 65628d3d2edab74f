import { REDIS_FAULTS, singleServerFaults } from '../support/redis-fault-rows.ts';
import { describeRedisFaults } from '../support/redis-faults.ts';
import { startRedisServer } from '../support/redis-server.ts';
import type { RedisTopology } from '../support/redis-topology.ts';

/** Easy to find where it must not be. */
const PASSWORD = 'recognisable/redis@password';

async function startStandalone(): Promise<RedisTopology> {
  const server = await startRedisServer({ password: PASSWORD });
  return { env: { REDIS_URL: server.url }, servers: [server], stop: () => server.stop() };
}

describeRedisFaults('one server', startStandalone, [...REDIS_FAULTS, ...singleServerFaults(PASSWORD)]);
