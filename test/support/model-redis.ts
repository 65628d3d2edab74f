import { decodeAnswer, encodeAnswer } from '../../src/cache/answer-codec.ts';
import type { Answer } from '../../src/lookup/answer.ts';
import type { SharedCache } from '../../src/lookup/ports.ts';
import { createFlightModel, type FlightModel, type FlightModelOptions } from './model-flights.ts';

/** Its flights are seen from each replica by itself. */
export interface ModelRedis extends Omit<SharedCache, 'flights'> {
  readonly flightsOf: FlightModel['of'];
}

/**
 * The tier in Redis as `createRedisCache` has it, on a Redis in this process: the same bytes under the same two keys,
 * whose lives end on a clock of its own. It announces no purge. `model-redis.test.ts` holds it against a real server.
 *
 * @param options.now Redis' clock; no other clock is ever compared with it
 * @param options.flights default: no replica ever waits long enough to look again
 */
export function createModelRedis(options: {
  readonly now: () => number;
  readonly purgeMarkMs: number;
  readonly flights?: Partial<Pick<FlightModelOptions, 'wait' | 'lockMs' | 'listenMs' | 'maxWaits'>>;
}): ModelRedis {
  const { now, purgeMarkMs } = options;
  const keys = new Map<string, { readonly value: Buffer; readonly endsAtMs: number }>();
  let purges = 0;

  /** PTTL and GET; a key is gone at the very millisecond of its end. */
  function get(key: string): { readonly value?: Buffer; readonly lifeLeftMs: number } {
    const entry = keys.get(key);
    if (entry === undefined || entry.endsAtMs <= now()) return { lifeLeftMs: -2 };
    return { value: entry.value, lifeLeftMs: entry.endsAtMs - now() };
  }

  /** SET … PX */
  function set(key: string, value: Buffer, lifeMs: number): void {
    if (lifeMs <= 0) throw new Error("ERR invalid expire time in 'set' command");
    keys.set(key, { value, endsAtMs: now() + lifeMs });
  }

  function read(kind: string, id: string) {
    const { value, lifeLeftMs } = get(`${kind}:${id}`);
    const { value: mark } = get(`${kind}:${id}:purged`);
    return { answer: value && decodeAnswer('image', id, value), lifeLeftMs, purgeMark: mark?.toString() };
  }

  function write(kind: string, id: string, answer: Answer, purgeMark = ''): boolean {
    const { value: mark } = get(`${kind}:${id}:purged`);
    if (mark !== undefined && mark.toString() !== purgeMark) return false;
    set(`${kind}:${id}`, encodeAnswer(answer), answer.freshUntilMs - answer.fetchedAtMs);
    return true;
  }

  const flights = createFlightModel({
    now,
    wait: () => new Promise(() => undefined),
    lockMs: 2000,
    listenMs: 500,
    maxWaits: Number.POSITIVE_INFINITY,
    ...options.flights,
    read: (id) => read('image', id),
    write: (id, answer, mark) => write('image', id, answer, mark),
  });

  return {
    read: async (kind, id) => read(kind, id),
    write: async (kind, id, answer, purgeMark) => write(kind, id, answer, purgeMark),
    async purge(kind, id) {
      purges += 1;
      set(`${kind}:${id}:purged`, Buffer.from(`purge ${purges}`), purgeMarkMs);
      keys.delete(`${kind}:${id}`);
      flights.purge(id);
    },
    flightsOf: flights.of,
  };
}
