import { createHash } from 'node:crypto';
import type { RedisClient } from './redis-client.ts';

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

/**
 * Runs a script on keys of one slot. A server that doesn't know it (a new one, a failover, `SCRIPT FLUSH`) is sent its source,
 * which works on every node of a cluster with nothing loaded ahead.
 */
export async function runScript(
  client: RedisClient,
  script: RedisScript,
  keys: readonly string[],
  ...args: ReadonlyArray<string | Buffer | number>
): Promise<unknown> {
  try {
    return await client.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return client.eval(script.source, keys.length, ...keys, ...args);
  }
}
