import type { Answer } from '../../src/lookup/answer.ts';
import type { FlightEnding, SharedFlights, SharedRead } from '../../src/lookup/ports.ts';

/** How flights go on in the model. */
export interface FlightModelOptions {
  /** Redis' clock. */
  readonly now: () => number;
  /** Resolves after so long by the clock of whoever waits. */
  readonly wait: (ms: number) => Promise<void>;
  readonly lockMs: number;
  readonly listenMs: number;
  readonly maxWaits: number;
  readonly read: (id: string) => SharedRead;
  readonly write: (id: string, answer: Answer, purgeMark: string | undefined) => boolean;
}

interface Flight {
  readonly token: string;
  readonly waited: boolean;
  readonly endsAtMs: number;
}

export interface FlightModel {
  /**
   * What one replica sees of them.
   *
   * @param led is called as it becomes the leader of one, with what renews its lock and says whether that was still its own
   */
  of(replica: string, led?: (renew: () => boolean) => void): SharedFlights;
  purge(id: string): void;
}

/** Flights of the fleet as the scripts in `redis-cache-scripts.ts` have them, without their messages' way. */
export function createFlightModel(options: FlightModelOptions): FlightModel {
  const { now, wait, lockMs, listenMs, maxWaits, read, write } = options;
  const flights = new Map<string, Flight>();
  const told = new Map<string, PromiseWithResolvers<FlightEnding>>();
  let begun = 0;

  const current = (id: string) => {
    const flight = flights.get(id);
    return flight !== undefined && flight.endsAtMs > now() ? flight : undefined;
  };

  function end(id: string, token: string, ending: FlightEnding): boolean {
    const flight = current(id);
    if (flight?.token !== token) return false;
    flights.delete(id);
    if (flight.waited) told.get(token)?.resolve(ending);
    return true;
  }

  function renew(id: string, token: string): boolean {
    const flight = current(id);
    if (flight?.token !== token) return false;
    flights.set(id, { ...flight, endsAtMs: now() + lockMs });
    return true;
  }

  function of(replica: string, led: (renew: () => boolean) => void = () => undefined): SharedFlights {
    return {
      maxWaits,
      async join(_kind, id, anyway) {
        const found = read(id);
        if (found.answer !== undefined && !anyway) return { ...found, flight: undefined };
        const flight = current(id);
        if (flight === undefined) {
          begun += 1;
          const token = `${replica}:${begun}`;
          flights.set(id, { token, waited: false, endsAtMs: now() + lockMs });
          told.set(token, Promise.withResolvers());
          led(() => renew(id, token));
          return {
            ...found,
            flight: {
              role: 'leader',
              store: async (answer) =>
                current(id)?.token === token &&
                write(id, answer, found.purgeMark) &&
                end(id, token, { how: 'stored' }),
              end: async (ending) => void end(id, token, ending),
            },
          };
        }
        const { token, endsAtMs } = flight;
        flights.set(id, { ...flight, waited: true });
        const withinMs = Math.min(listenMs, endsAtMs - now() + 1);
        const silence = () => wait(withinMs).then(() => undefined);
        return {
          ...found,
          flight: {
            role: 'follower',
            leader: token.split(':')[0] ?? '',
            ending: () => Promise.race([told.get(token)?.promise, silence()]),
          },
        };
      },
    };
  }

  return {
    of,
    purge(id) {
      const flight = flights.get(id);
      if (flight !== undefined) end(id, flight.token, { how: 'dropped' });
      flights.delete(id);
    },
  };
}
