import { describe, expect, test } from 'vitest';
import { HttpError } from '../../src/errors.ts';
import { createFleet } from '../../src/lookup/fleet.ts';
import type { FlightEnding, SharedFlights } from '../../src/lookup/ports.ts';
import { NOW_MS, POLICY } from '../support/builders.ts';
import { createInProcessShared } from '../support/lookup-parts.ts';
import { createManualClock } from '../support/manual-clock.ts';

const REQUEST = { kind: 'image', id: 'p1', minValidSeconds: undefined, traceparent: undefined } as const;
const FAILED: FlightEnding = { how: 'failed', code: 'upstream_error' };

/** A fleet in which another replica always leads, and whose flights all end alike. */
function setUp(ending: FlightEnding | undefined) {
  const clock = createManualClock(NOW_MS);
  const waits: string[] = [];
  const flights: SharedFlights = {
    maxWaits: 3,
    async join(_kind, id) {
      const flight = {
        role: 'follower',
        leader: 'other',
        async ending() {
          waits.push(id);
          return ending;
        },
      } as const;
      return { answer: undefined, lifeLeftMs: -2, purgeMark: undefined, flight };
    },
  };
  const fleet = createFleet({ shared: { ...createInProcessShared(), flights }, clock, policy: POLICY });
  return { clock, waits, fleet, join: () => fleet.join(REQUEST, () => undefined, true) };
}

const ASKS_ITSELF = { lead: undefined, reached: true };
const FAILS = { code: 'upstream_error' };

describe("another replica's flight that failed", () => {
  test('fails for whoever waited, and is not waited for a second time', async () => {
    const { join, waits } = setUp(FAILED);
    await expect(join()).rejects.toMatchObject(FAILS);
    expect(await join()).toMatchObject(ASKS_ITSELF);
    expect(waits).toHaveLength(1);
  });

  test('is waited for again once this one has failed as well', async () => {
    const { join, fleet } = setUp(FAILED);
    await expect(join()).rejects.toMatchObject(FAILS);
    fleet.failed(undefined, new HttpError('upstream_rejected_key'));
    expect(await join()).toMatchObject(ASKS_ITSELF);
    fleet.failed(undefined, new HttpError('upstream_timeout'));
    await expect(join()).rejects.toMatchObject(FAILS);
  });

  test.each([30_000, -60_000])('is waited for again when the clock has moved by %i ms', async (ms) => {
    const { join, clock } = setUp(FAILED);
    await expect(join()).rejects.toMatchObject(FAILS);
    clock.advance(ms);
    await expect(join()).rejects.toMatchObject(FAILS);
  });
});

test('a flight of which nothing is heard is given up in the end', async () => {
  const { join, waits } = setUp(undefined);
  await expect(join()).rejects.toMatchObject({ code: 'upstream_timeout' });
  expect(waits).toHaveLength(3);
});
