import { Redis } from 'ioredis';
import type { RedisServer } from '../../test/support/redis-server.ts';

/** Commands by which a client sees to its connection, or asks whether the server is there. */
const HOUSEKEEPING = new Set(['ping', 'info', 'hello', 'client', 'subscribe', 'command']);

export interface CommandWatch extends AsyncDisposable {
  /** Commands that clients have sent since the watch began; a script is one, whatever it calls. */
  sent(): number;
}

/** Listens to all that a Redis is asked. It makes Redis slow: for counting, never while something is timed. */
export async function watchCommands({ host, port }: RedisServer): Promise<CommandWatch> {
  const client = new Redis({ host, port });
  const monitor = await client.monitor();
  let sent = 0;
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source !== 'lua' && !HOUSEKEEPING.has(name.toLowerCase())) sent += 1;
  });
  return {
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      monitor.disconnect();
      client.disconnect();
    },
  };
}
