import { z } from 'zod';
import type { RedisServer } from './redis-server.ts';

/** Commands by which a client sees to its connection, or asks whether the server is there; they carry no data. */
const HOUSEKEEPING = new Set(['ping', 'info', 'hello', 'client', 'subscribe', 'command', 'auth', 'select']);

/** How many commands that read or write data the server has run. A script counts as one, besides what it calls. */
export async function dataCommands(server: RedisServer): Promise<number> {
  const stats = z.string().parse(await server.command('INFO', 'commandstats'));
  let calls = 0;
  for (const [, name = '', count] of stats.matchAll(/^cmdstat_([^:|]+)[^:]*:calls=(\d+)/gm)) {
    if (!HOUSEKEEPING.has(name)) calls += Number(count);
  }
  return calls;
}
