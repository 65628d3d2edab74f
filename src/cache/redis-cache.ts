import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Answer } from '../lookup/answer.ts';
import type { FreshnessPolicy } from '../lookup/freshness.ts';
import type { SharedCache, SharedFlights, SharedJoin } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import { decodeAnswer, encodeAnswer } from './answer-codec.ts';
import type { FlightChannel } from './flight-channel.ts';
import { createLedFlight } from './led-flight.ts';
import { limitLife } from './life-limit.ts';
import type { NewsChannel } from './news-channel.ts';
import { projectKeys } from './project-keys.ts';
import { PURGE, READ, STORE } from './redis-cache-scripts.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { runBinaryScript, runScript } from './redis-script.ts';

/** One that goes there and back unchanged, whatever bytes stand in place of a mark. */
const MARK_ENCODING = 'latin1';

const bytes = z.instanceof(Buffer).nullable();
const readReply = z.tuple([bytes, bytes, z.number(), bytes, z.number()]);

/** How long a flight is another's when nothing is heard of its leader: the longest that a killed one holds anybody up. */
const LOCK_MS = 2000;
/** A message that is lost costs whoever waits for it no more than this. */
const LISTEN_MS = 500;

export interface FlightOptions {
  readonly channel: FlightChannel;
  /** The longest that a flight can last. */
  readonly maxFlightMs: number;
  /** Default: 2 seconds. */
  readonly lockMs?: number;
}

/**
 * The tier in Redis (6 or later). Five keys a project, of one slot so that it works on a cluster:
 * `{prefix}v{format}:{kind:id}` with the answer; a short while after a purge, the same with `:purged`; while its flight is under
 * way, the same with `:flight`; for a day since it was first watched, the same with `:watched`; and where
 * that is asked for, the same with `:over` once it was seen to be over.
 *
 * @param options.purgeMarkMs how long a purge is remembered: at least as long as a flight can last
 * @param options.announcePurge tells every replica
 * @param options.news how replicas are told of an answer that is stored while somebody watches the project; default: not
 * @param options.rememberOverMs for how long it is remembered that a project is over; default: not
 * @param options.flights default: each replica flies by itself
 */
export function createRedisCache(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly keyPrefix: string;
  readonly policy: FreshnessPolicy;
  readonly purgeMarkMs: number;
  readonly announcePurge: (kind: Kind, id: string) => Promise<void>;
  readonly news?: Pick<NewsChannel, 'name' | 'message'>;
  readonly rememberOverMs?: number;
  readonly flights?: FlightOptions;
}): SharedCache {
  const { client, guard, keyPrefix, policy, purgeMarkMs, announcePurge, news, flights } = options;
  const { rememberOverMs = 0 } = options;
  const channelName = flights?.channel.name ?? '';

  /** The ones that reads and purges are about; no others are sent. */
  function keysOfFlights(kind: Kind, id: string) {
    const [answer, purgeMark, flight] = projectKeys(keyPrefix, kind, id);
    return [answer, purgeMark, flight] as const;
  }

  async function read(
    kind: Kind,
    id: string,
    ...args: readonly [token: string, lockMs: number, anyway: 0 | 1]
  ) {
    const keys = keysOfFlights(kind, id);
    const reply = await guard.run('cache_read', () => runBinaryScript(client, READ, keys, ...args));
    const [stored, mark, ttlMs, flight, flightLeftMs] = readReply.parse(reply);
    const decoded = stored === null ? undefined : decodeAnswer(kind, id, stored);
    return {
      answer: decoded && limitLife(decoded, policy),
      // -1: somebody took its end away (PERSIST), so that its own times alone count.
      lifeLeftMs: ttlMs === -1 ? Number.POSITIVE_INFINITY : ttlMs,
      purgeMark: mark?.toString(MARK_ENCODING),
      illegible: stored !== null && decoded === undefined,
      flight: flight?.toString(MARK_ENCODING),
      flightLeftMs,
    };
  }

  async function write(
    kind: Kind,
    id: string,
    answer: Answer,
    purgeMark = '',
    led: { readonly token: string; readonly message: string } = { token: '', message: '' },
  ): Promise<boolean> {
    const lifeMs = answer.freshUntilMs - answer.fetchedAtMs;
    const mark = Buffer.from(purgeMark, MARK_ENCODING);
    const args = [
      encodeAnswer(answer),
      Math.ceil(lifeMs),
      mark,
      led.token,
      channelName,
      led.message,
      news?.name ?? '',
      news?.message(kind, id, answer) ?? '',
      answer.found && answer.terminal ? rememberOverMs : 0,
    ] as const;
    const keys = projectKeys(keyPrefix, kind, id);
    const written = await guard.run('cache_write', () => runScript(client, STORE, keys, ...args));
    return written === 1;
  }

  function createFlights({ channel, maxFlightMs, lockMs = LOCK_MS }: FlightOptions): SharedFlights {
    const replica = randomBytes(8).toString('hex');
    let begun = 0;

    async function join(kind: Kind, id: string, anyway: boolean): Promise<SharedJoin> {
      begun += 1;
      const token = `${replica}:${begun}`;
      const found = await read(kind, id, token, lockMs, anyway ? 1 : 0);
      const { answer, lifeLeftMs, purgeMark, flight } = found;
      if (found.illegible && !anyway) return join(kind, id, true);
      const shared = { answer, lifeLeftMs, purgeMark };
      if (flight === undefined) return { ...shared, flight };
      if (flight === token) {
        const store = (brought: Answer, message: string) =>
          write(kind, id, brought, purgeMark, { token, message });
        const [, , key] = keysOfFlights(kind, id);
        const lead = { client, guard, channel, key, token, lockMs, maxFlightMs, store };
        return { ...shared, flight: createLedFlight(lead) };
      }
      const [leaderToken = ''] = flight.split('+');
      const [leader = ''] = leaderToken.split(':');
      // Its lock may end sooner, and then it is time to take over.
      const ending = () => channel.ending(leaderToken, Math.min(LISTEN_MS, found.flightLeftMs + 1));
      return { ...shared, flight: { role: 'follower', leader, ending } };
    }

    return { join, maxWaits: Math.ceil((maxFlightMs + lockMs) / LISTEN_MS) };
  }

  return {
    async read(kind, id) {
      const { answer, lifeLeftMs, purgeMark } = await read(kind, id, '', 0, 0);
      return { answer, lifeLeftMs, purgeMark };
    },
    write: (kind, id, answer, purgeMark) => write(kind, id, answer, purgeMark),
    async purge(kind, id) {
      const args = [randomUUID(), purgeMarkMs, channelName, 'dropped'] as const;
      await guard.run('cache_purge', () => runScript(client, PURGE, keysOfFlights(kind, id), ...args));
      await announcePurge(kind, id);
    },
    flights: flights && createFlights(flights),
  };
}
