import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import * as scripts from '../../src/cache/redis-cache-scripts.ts';
import { startReplica, whenFollowed } from '../support/fleet.ts';
import { startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type RedisServer, startRedisServer } from '../support/redis-server.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import { picturesUnder, textOf } from './markdown.ts';

type Step = readonly [from: string, what: string];

/** Which connection had Redis run which of the cache's scripts, and what a script published. */
async function watchScripts({ host, port }: RedisServer) {
  const client = new Redis({ host, port });
  const monitor = await client.monitor();
  onTestFinished(() => {
    monitor.disconnect();
    client.disconnect();
  });
  const names = new Map(
    Object.entries(scripts).flatMap(([name, { sha1, source }]) => [
      [sha1, name],
      [source, name],
    ]),
  );
  const seen: Step[] = [];
  monitor.on('monitor', (_time: string, [command = '', first = '']: string[], source: string) => {
    const script = /^eval(sha)?$/i.test(command) ? names.get(first) : undefined;
    if (script !== undefined) seen.push([source, script]);
    if (source === 'lua' && command.toLowerCase() === 'publish') seen.push(['Redis', 'PUBLISH']);
  });
  return seen;
}

/** A replica gives a script twice where Redis doesn't know it yet, and renews its flight as often as it takes. */
const withoutRepeats = (steps: readonly Step[]) =>
  steps.filter(([from, what], at) => !(from === steps[at - 1]?.[0] && what === steps[at - 1]?.[1]));

function publishedAt(steps: readonly Step[]): number {
  const at = steps.findIndex(([, what]) => what === 'PUBLISH');
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}

test('a miss at two replicas goes as the picture in docs/architecture.md has it', async () => {
  const [picture = ''] = picturesUnder(textOf('docs/architecture.md'), '### A flight of the fleet');
  const drawn = [...picture.matchAll(/^ +([ARB])-{1,2}>>[A-Z]: (READ|RENEW_FLIGHT|STORE|PUBLISH|GET)\b/gm)];
  const asked = drawn.map(([, from = '', what = '']): Step => [from === 'R' ? 'Redis' : from, what]);

  const [redis, emulator, issuer] = await Promise.all([
    startRedisServer(),
    startMagicHourEmulator(),
    startTokenIssuer(),
  ]);
  onTestFinished(async () => void (await Promise.all([redis.stop(), emulator.close(), issuer.close()])));
  // Waiting replicas look again by themselves after half a second; here they are to hear of the end.
  const start = () => startReplica({ REDIS_URL: redis.url }, { emulator, issuer });
  const [a, b] = [await start(), await start()];
  emulator.project('p1', { status: 'rendering' });
  const seen = await watchScripts(redis);

  emulator.holdAll();
  const led = a.lookup('p1');
  await emulator.whenRequested('p1');
  const followed = b.lookup('p1');
  await whenFollowed(redis, 'p1');
  await eventually(() => seen.some(([, what]) => what === 'RENEW_FLIGHT'));
  emulator.release();
  expect([(await led).status, (await followed).status]).toEqual([200, 200]);
  // What Redis tells of itself may come a moment later than its answers.
  await eventually(() => seen.findLastIndex(([, what]) => what === 'READ') > publishedAt(seen));

  const leader = seen[0]?.[0];
  const happened = seen.map(
    ([from, what]): Step => [from === 'Redis' ? 'Redis' : from === leader ? 'A' : 'B', what],
  );
  expect(emulator.count('p1')).toBe(asked.filter(([, what]) => what === 'GET').length);
  const toRedis = asked.filter(([, what]) => what !== 'GET');
  const butB = (steps: readonly Step[]) => withoutRepeats(steps.filter(([from]) => from !== 'B'));
  expect(butB(happened)).toEqual(butB(toRedis));
  // B looks again each half second, in between as well.
  const ofB = (steps: readonly Step[]) => new Set(steps.filter(([from]) => from === 'B').map(String));
  expect(ofB(happened)).toEqual(ofB(toRedis));
  expect(happened.at(-1)).toEqual(toRedis.at(-1));
});
