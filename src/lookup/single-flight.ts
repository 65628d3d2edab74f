/** Work in progress by key: whoever asks for a key while its work is under way shares the one outcome. */
export interface SingleFlight<T> {
  /** The flight under way for the key, if any. */
  current(key: string): Promise<T> | undefined;
  /**
   * Starts the key's flight. Call it with no `await` since `current` answered `undefined`.
   * The work must have a deadline of its own; it goes on when callers leave.
   */
  start(key: string, work: () => Promise<T>): Promise<T>;
  /** Lets the next caller start anew; those who wait already still get their answer. */
  abandon(key: string): void;
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>();
  return {
    current: (key) => flights.get(key),
    start(key, work) {
      if (flights.has(key)) throw new Error('a flight for this key is under way already');
      const flight = work().finally(() => {
        if (flights.get(key) === flight) flights.delete(key);
      });
      flights.set(key, flight);
      return flight;
    },
    abandon(key) {
      flights.delete(key);
    },
  };
}
