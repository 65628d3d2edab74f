import { setTimeout as sleep } from 'node:timers/promises';
import { type Crowd, pollersOf, type Traffic, watchedProjects } from './support/fleet-traffic.ts';
import { startPolling } from './support/polling.ts';
import { type Meter, moment, type Work, workBetween } from './support/redis-work-meter.ts';
import type { RenderingStub } from './support/rendering-stub.ts';

/** Into so many parts is the time cut, to see how far they lie apart. */
const PARTS = 4;

export interface Cell extends Traffic {
  readonly replicas: number;
  readonly cached: number;
  readonly work: Work;
  /** Redis' µs per lookup, by part of the time. */
  readonly redisMicroseconds: readonly number[];
  /** By project and second. */
  readonly upstreamRequests: number;
}

export interface CellOptions {
  readonly warmUpSeconds: number;
  /** A whole number of limits' windows, so that it matters not when one begins. */
  readonly seconds: number;
}

/** What the crowd's lookups cost, with a fleet and a cluster that run. */
export async function measureCell(
  parts: {
    readonly meter: Meter;
    readonly upstream: RenderingStub;
    readonly crowd: Crowd;
    readonly signal: AbortSignal;
  },
  traffic: Traffic & { readonly cached: number },
  { warmUpSeconds, seconds }: CellOptions,
): Promise<Cell> {
  const { meter, upstream, crowd } = parts;
  const polling = startPolling(pollersOf(crowd, traffic, meter.fleet));
  const signal = AbortSignal.any([parts.signal, polling.failed]);
  try {
    await sleep(warmUpSeconds * 1000, undefined, { signal });
    const asked = upstream.renderingAnswered();
    const moments = [await moment(meter, polling.answered())];
    for (let part = 0; part < PARTS; part += 1) {
      await sleep((seconds * 1000) / PARTS, undefined, { signal });
      moments.push(await moment(meter, polling.answered()));
    }
    const [first, last] = [moments[0], moments.at(-1)];
    if (first === undefined || last === undefined) throw new Error('nothing was measured');
    const work = workBetween(meter, first, last);
    const works = moments.slice(1).map((each, n) => workBetween(meter, moments[n] ?? first, each));
    return {
      replicas: meter.fleet.size,
      ...traffic,
      work,
      redisMicroseconds: works.map(({ redisMicroseconds }) => redisMicroseconds),
      upstreamRequests:
        (upstream.renderingAnswered() - asked) / watchedProjects(crowd, traffic) / work.seconds,
    };
  } catch (error) {
    // The reason of an abort says more than that there was one.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await polling.stop();
  }
}
