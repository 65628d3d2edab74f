import { z } from 'zod';
import { ERROR_CATALOGUE } from '../errors.ts';
import { parseJson } from '../json.ts';
import type { FlightEnding } from '../lookup/ports.ts';
import { createLruMap } from '../lru-map.ts';
import type { RedisClient } from './redis-client.ts';
import { subscribeTo } from './subscription.ts';

const flight = z.string();
const codes = z
  .string()
  .refine((code): code is keyof typeof ERROR_CATALOGUE => Object.hasOwn(ERROR_CATALOGUE, code));

const messageSchema = z.discriminatedUnion('how', [
  z.object({ flight, how: z.literal('stored') }),
  z.object({ flight, how: z.literal('unkept') }),
  z.object({ flight, how: z.literal('dropped') }),
  z.object({
    flight,
    how: z.literal('failed'),
    code: codes,
    retryAfterSeconds: z.int().nonnegative().optional(),
  }),
]);

/** A message can be faster than the reply that says which flight to wait for, so the last few are remembered. */
const REMEMBERED = 1000;

/** Tells whoever waits for a flight of another replica how it ended. */
export interface FlightChannel {
  readonly name: string;
  message(flight: string, ending: FlightEnding): string;
  /** How a flight ended; `undefined` where that isn't heard within so long. */
  ending(flight: string, withinMs: number): Promise<FlightEnding | undefined>;
  listen(subscriber: RedisClient): void;
}

export function createFlightChannel(keyPrefix: string): FlightChannel {
  const name = `${keyPrefix}v1:flight`;
  const heard = createLruMap<FlightEnding>(REMEMBERED);
  const waiting = new Map<string, Set<(ending: FlightEnding | undefined) => void>>();

  return {
    name,
    message: (of, ending) => JSON.stringify({ flight: of, ...ending }),
    async ending(of, withinMs) {
      const known = heard.get(of);
      if (known !== undefined) return known;
      const { promise, resolve } = Promise.withResolvers<FlightEnding | undefined>();
      const others = waiting.get(of) ?? new Set();
      waiting.set(of, others.add(resolve));
      const timer = setTimeout(resolve, withinMs, undefined);
      const ending = await promise;
      clearTimeout(timer);
      others.delete(resolve);
      if (others.size === 0 && waiting.get(of) === others) waiting.delete(of);
      return ending;
    },
    listen(subscriber) {
      subscribeTo(subscriber, name, (text) => {
        const message = messageSchema.safeParse(parseJson(text));
        if (!message.success) return;
        const { flight: of, ...ending } = message.data;
        heard.set(of, ending);
        for (const resolve of waiting.get(of) ?? []) resolve(ending);
      });
    },
  };
}
