import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MagicHourEmulator, startMagicHourEmulator } from '../../test/support/magic-hour-emulator.ts';
import { type RedisServer, startRedisServer } from '../../test/support/redis-server.ts';
import { startTokenIssuer, type TokenIssuer } from '../../test/support/token-issuer.ts';

/** What the service needs around it, all on the load's core, and a folder that is removed at the end. */
export interface Surroundings extends AsyncDisposable {
  readonly folder: string;
  readonly redis: RedisServer;
  readonly emulator: MagicHourEmulator;
  readonly issuer: TokenIssuer;
  /** Aborted when the run is to end early. */
  readonly signal: AbortSignal;
}

export async function startSurroundings(signal: AbortSignal): Promise<Surroundings> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const redis = await startRedisServer({
    args: ['--maxmemory', '512mb', '--maxmemory-policy', 'volatile-lru'],
  });
  stack.defer(() => redis.stop());
  const emulator = await startMagicHourEmulator();
  stack.defer(() => emulator.close());
  const issuer = await startTokenIssuer();
  stack.defer(() => issuer.close());
  const started = stack.move();
  return {
    folder,
    redis,
    emulator,
    issuer,
    signal,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** RS256 tokens of several users, good for longer than any run. */
export function tokensOfUsers(issuer: TokenIssuer, count: number, group = 'user'): Promise<string[]> {
  const exp = Math.floor(Date.now() / 1000) + 6 * 3600;
  return Promise.all(Array.from({ length: count }, (_, n) => issuer.token({ sub: `${group}-${n}`, exp })));
}
