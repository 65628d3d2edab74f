import { POLICY } from './builders.ts';
import type { Ask, LookupWorld, Moment } from './lookup-world.ts';
import { MAX_TRAVEL_MS, MAX_UPSTREAM_MS, type TimelineRun } from './timeline.ts';
import { FoulError } from './timeline-referee.ts';
import { expiryMs } from './timeline-rules.ts';

/** How long a flight may wait for others' before it sends its own request: for three, one after the other. */
const MAX_WAIT_MS = 3 * (MAX_UPSTREAM_MS + 4 * MAX_TRAVEL_MS);

/** @throws FoulError where the upstream was asked, or Redis written, when there was no need. */
export function review(run: TimelineRun): void {
  const { world } = run;
  for (const [at, ask] of world.asks.entries()) {
    const earlier = world.asks.slice(0, at).filter(({ id }) => id === ask.id);
    for (const other of earlier.filter(({ replica }) => replica === ask.replica)) {
      if (purgedBetween(world, other.sent, ask.sent, ask.id)) continue;
      if (other.over === undefined || other.over.order > ask.sent.order) {
        throw foul('a replica asks twice at a time', other, ask);
      }
      if (isPending(other) && ask.sent.atMs < other.over.atMs + POLICY.pendingTtlMs) {
        throw foul('a replica asks again too soon for what is not over', other, ask);
      }
    }
    const held = heldInRedis(run, ask);
    if (held !== undefined)
      throw foul('Redis held an answer that was not over, and was not believed', held, ask);
  }
  for (const { ask: at, atMs } of world.stored) {
    const ask = at === undefined ? undefined : world.asks[at];
    if (ask?.over !== undefined && atMs - ask.over.atMs > MAX_TRAVEL_MS) {
      throw new FoulError('an answer is stored again, long after it came', { ask, atMs });
    }
  }
}

function foul(rule: string, first: Ask, second: Ask): FoulError {
  return new FoulError(rule, { first, second });
}

function isPending({ said }: Ask): boolean {
  return said?.enabled === true && (said.status === 'queued' || said.status === 'rendering');
}

function purgedBetween({ purges }: LookupWorld, from: Moment, to: Moment, id: string): boolean {
  return purges.some(({ id: purged, began, told }) => {
    const overAtMs = Math.max(...[...told.values()].map(({ atMs }) => atMs), began.atMs);
    // A flight sends its request a while after it began, and one that a purge has let go asks all the same.
    const concerns = told.size === 0 || overAtMs >= from.atMs - MAX_WAIT_MS - 2 * MAX_TRAVEL_MS;
    return purged === id && began.order < to.order && concerns;
  });
}

/** The request whose pending answer Redis held, whole and fresh for this replica, as its flight asked Redis. */
function heldInRedis(
  { world, offsetsMs, redisAheadMs, redisBrokenAtMs }: TimelineRun,
  ask: Ask,
): Ask | undefined {
  const readAtMs = ask.sent.atMs - MAX_TRAVEL_MS;
  const before = world.stored.filter(({ id, order }) => id === ask.id && order < ask.sent.order);
  const last = before.at(-1);
  const held = last?.ask === undefined ? undefined : world.asks[last.ask];
  if (last === undefined || held === undefined || !isPending(held) || last.atMs >= readAtMs) return undefined;
  if (purgedBetween(world, held.sent, ask.sent, ask.id)) return undefined;
  if (redisBrokenAtMs.some((ms) => ms >= readAtMs - MAX_TRAVEL_MS && ms <= ask.sent.atMs)) return undefined;
  // On a clock that is ahead of the writer's an answer ends sooner, which costs a request and harms nobody.
  const ahead = (offsetsMs[ask.replica] ?? 0) > (offsetsMs[last.by] ?? 0);
  const { over, said } = held;
  const fresh =
    over !== undefined && said !== undefined && ask.sent.atMs + redisAheadMs < expiryMs(over, said);
  return fresh && !ahead ? held : undefined;
}
