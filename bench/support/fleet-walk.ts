import { finishedId, type User, userRequest } from './fleet-traffic.ts';
import { type Meter, moment, type Work, workBetween } from './redis-work-meter.ts';

const WALK_CONNECTIONS = 50;

export interface Walk {
  readonly lookups: number;
  /** Finished ones, asked for in turn. */
  readonly projects: number;
  readonly signal: AbortSignal;
}

/** Project after project, as fast as they are answered. */
export async function walk(
  meter: Meter,
  walkers: readonly User[],
  { lookups, projects, signal }: Walk,
): Promise<Work> {
  const before = await moment(meter, 0);
  let next = 0;
  async function ask(): Promise<void> {
    while (next < lookups) {
      const n = next;
      next += 1;
      signal.throwIfAborted();
      const user = walkers[n % walkers.length];
      if (user === undefined) throw new Error('there is nobody to ask');
      const status = await meter.fleet.send(n, userRequest(user, finishedId(n % projects)));
      if (status !== 200) throw new Error(`${status} was answered`);
    }
  }
  await Promise.all(Array.from({ length: WALK_CONNECTIONS }, ask));
  return workBetween(meter, before, await moment(meter, lookups));
}
