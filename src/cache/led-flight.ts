import type { Answer } from '../lookup/answer.ts';
import type { FlightEnding, LedFlight } from '../lookup/ports.ts';
import type { FlightChannel } from './flight-channel.ts';
import { END_FLIGHT, RENEW_FLIGHT } from './redis-cache-scripts.ts';
import type { RedisClient } from './redis-client.ts';
import type { RedisGuard } from './redis-guard.ts';
import { runScript } from './redis-script.ts';

/** So often within its life is a lock renewed: an event loop that is late for a while must not lose it. */
const RENEWALS = 4;

/**
 * A flight that this process leads by a lock in Redis, which it renews until the flight ends. A process that is killed,
 * stopped or cut off from Redis renews nothing, so that another takes over.
 *
 * @param options.maxFlightMs after that it renews nothing either
 * @param options.store writes the answer and ends the flight in one
 */
export function createLedFlight(options: {
  readonly client: RedisClient;
  readonly guard: RedisGuard;
  readonly channel: FlightChannel;
  readonly key: string;
  readonly token: string;
  readonly lockMs: number;
  readonly maxFlightMs: number;
  readonly store: (answer: Answer, message: string) => Promise<boolean>;
}): LedFlight {
  const { client, guard, channel, key, token, lockMs, maxFlightMs, store } = options;
  const renewMs = Math.ceil(lockMs / RENEWALS);
  let renewalsLeft = Math.ceil(maxFlightMs / renewMs);
  const timer = setInterval(renew, renewMs).unref();

  function renew(): void {
    renewalsLeft -= 1;
    if (renewalsLeft < 0) {
      clearInterval(timer);
      return;
    }
    guard
      .run('flight_renew', () => runScript(client, RENEW_FLIGHT, [key], token, lockMs))
      .then(
        (leads) => {
          if (leads !== 1) clearInterval(timer);
        },
        () => undefined,
      );
  }

  return {
    role: 'leader',
    store(answer) {
      clearInterval(timer);
      return store(answer, channel.message(token, { how: 'stored' }));
    },
    async end(ending: FlightEnding) {
      clearInterval(timer);
      const message = channel.message(token, ending);
      await guard.run('flight_end', () => runScript(client, END_FLIGHT, [key], token, channel.name, message));
    },
  };
}
