import { Redis } from 'ioredis';
import { type Meter, moment, workBetween } from './redis-work-meter.ts';

const CHANNEL = 'mhbff:v1:flight';
const AT_A_TIME = 100;

export interface MessageCost {
  readonly replicas: number;
  /** Of all masters in sum, for one message. */
  readonly redisMicroseconds: number;
  /** Of each replica, for one message. */
  readonly replicaMicroseconds: number;
}

/** What it costs that one replica tells the others of a flight's end, whether they wait for it or not. */
export async function measureMessages(meter: Meter, messages: number): Promise<MessageCost> {
  const [server] = meter.servers;
  const client = new Redis({ host: server?.host ?? '', port: server?.port ?? 0 });
  try {
    await client.ping();
    const before = await moment(meter, 0);
    for (let sent = 0; sent < messages; sent += AT_A_TIME) {
      const some = Array.from({ length: AT_A_TIME }, (_, n) =>
        client.publish(CHANNEL, JSON.stringify({ flight: `0123456789abcdef:${sent + n}`, how: 'stored' })),
      );
      await Promise.all(some);
    }
    // The last ones are heard by now: replies to the replicas' own commands come behind them.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const { redisMicroseconds, serviceMicroseconds } = workBetween(
      meter,
      before,
      await moment(meter, messages),
    );
    const { size } = meter.fleet;
    return { replicas: size, redisMicroseconds, replicaMicroseconds: serviceMicroseconds / size };
  } finally {
    client.disconnect();
  }
}
