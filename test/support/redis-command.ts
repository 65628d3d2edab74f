import { Redis } from 'ioredis';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly password?: string;
}

const TIMEOUT_MS = 2000;

/** One command over a connection of its own, so that nothing of the tested client's state plays a part. */
export async function redisCommand(
  address: RedisAddress,
  [name, ...args]: readonly [string, ...string[]],
): Promise<unknown> {
  const client = new Redis({
    ...address,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
  });
  // The failure reaches the caller by the rejected promise; an unheard 'error' event would only print it too.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}
