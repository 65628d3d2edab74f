import { createHash } from 'node:crypto';
import type { ClientContext, Result } from 'ioredis';
import type { RedisClient } from './redis-client.ts';

/** ioredis has a method of this form for each command; its types leave these two out. */
declare module 'ioredis' {
  interface RedisCommander<Context extends ClientContext> {
    evalBuffer(script: string, numkeys: number, ...args: Arguments): Result<unknown, Context>;
    evalshaBuffer(sha1: string, numkeys: number, ...args: Arguments): Result<unknown, Context>;
  }
}

export interface RedisScript {
  readonly source: string;
  readonly sha1: string;
}

export function redisScript(source: string): RedisScript {
  return { source, sha1: createHash('sha1').update(source).digest('hex') };
}

type Arguments = ReadonlyArray<string | Buffer | number>;

/**
 * Runs a script on keys of one slot. A server that doesn't know it (a new one, a failover, `SCRIPT FLUSH`) is sent its source,
 * which works on every node of a cluster with nothing loaded ahead.
 */
export function runScript(
  client: RedisClient,
  script: RedisScript,
  keys: readonly string[],
  ...args: Arguments
): Promise<unknown> {
  return orWithSource(
    () => client.evalsha(script.sha1, keys.length, ...keys, ...args),
    () => client.eval(script.source, keys.length, ...keys, ...args),
  );
}

/** The same with bytes in the reply wherever it has strings. */
export function runBinaryScript(
  client: RedisClient,
  script: RedisScript,
  keys: readonly string[],
  ...args: Arguments
): Promise<unknown> {
  return orWithSource(
    () => client.evalshaBuffer(script.sha1, keys.length, ...keys, ...args),
    () => client.evalBuffer(script.source, keys.length, ...keys, ...args),
  );
}

async function orWithSource(
  run: () => Promise<unknown>,
  runSource: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return runSource();
  }
}
