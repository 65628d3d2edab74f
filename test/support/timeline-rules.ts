import { answerHeaders } from '../../src/http/answer-headers.ts';
import { type FoundAnswer, isFresh } from '../../src/lookup/answer.ts';
import type { Found } from '../../src/lookup/found.ts';
import { DAY_MS, headersOf, POLICY } from './builders.ts';
import type { Ask, LookupWorld, Moment } from './lookup-world.ts';
import type { Statement } from './model-upstream.ts';
import {
  LISTEN_MS,
  MAX_TRAVEL_MS,
  MAX_UPSTREAM_MS,
  type Served,
  type TimelineRun,
  TRUST_MS,
} from './timeline.ts';

/** A body that was served, and the request to the upstream that had brought it. */
export interface Case {
  readonly served: Served;
  readonly run: TimelineRun;
  readonly found: Found;
  readonly answer: FoundAnswer;
  readonly ask: Ask;
  readonly over: Moment;
  readonly said: Statement;
}

/** What holds of every body that is served. */
export const RULES: Readonly<Record<string, (judged: Case) => boolean>> = {
  'what is served is what the upstream said of this project': ({ served, answer, ask, said }) =>
    ask.id === served.id && said.body?.toString('latin1') === answer.body,
  'nothing from before a purge is served to who asked after it': ({ served, run, ask }) =>
    isFromAfterPurges(ask, served, run.world),
  'what is said to come from the upstream came this moment': (judged) =>
    judged.found.source !== 'upstream' || wasJustSaid(judged),
  'a URL that is served is not over': (judged) =>
    wasJustSaid(judged) || (judged.said.endMs ?? Number.POSITIVE_INFINITY) > judged.served.answered.atMs,
  'what is served has not expired': (judged) => wasJustSaid(judged) || lifeLeftMs(judged) > 0,
  'max-age and ttl promise no more life than there is': (judged) => {
    const headers = headersFor(judged);
    return [
      /max-age=(\d+)/.exec(headers['Cache-Control'] ?? ''),
      /ttl=(\d+)/.exec(headers['Cache-Status'] ?? ''),
    ]
      .map((match) => Number(match?.[1] ?? 0))
      .every((seconds) => seconds === 0 || seconds * 1000 <= lifeLeftMs(judged));
  },
  'Age is a whole number, and the true age': (judged) => {
    const { Age: age } = headersFor(judged);
    if (age === undefined) return judged.found.source === 'upstream';
    const ageMs = judged.served.answered.atMs - judged.over.atMs;
    const oldest = Math.floor((ageMs + clocksDifferByMs(judged) + judged.run.redisAheadMs) / 1000);
    return (
      /^\d+$/.test(age) &&
      Number(age) >= Math.floor((ageMs - slackMs(judged.run)) / 1000) &&
      Number(age) <= oldest
    );
  },
  'min_valid is met, or the upstream was just asked': (judged) => {
    const { served, said, run, over } = judged;
    if (served.minValidSeconds === undefined || said.status !== 'complete' || redisWasAway(judged))
      return true;
    const neededMs = served.minValidSeconds * 1000 - slackMs(run);
    const meets = said.endsKnown && said.endMs !== undefined && said.endMs - served.answered.atMs >= neededMs;
    return meets || served.answered.atMs - over.atMs < POLICY.pendingTtlMs + slackMs(run);
  },
  'memory and Redis disagree no longer than a copy is trusted': (judged) =>
    judged.found.source !== 'memory' || redisWasAway(judged) || wasSharedOfLate(judged),
};

/** Whether an answer is younger than each purge that this replica had been told of when somebody asked. */
export function isFromAfterPurges(
  ask: Ask,
  { id, replica, asked }: Pick<Served, 'id' | 'replica' | 'asked'>,
  { purges }: Pick<LookupWorld, 'purges'>,
): boolean {
  return purges.every(({ id: purged, began, told }) => {
    const toldAt = told.get(replica)?.order ?? Number.POSITIVE_INFINITY;
    return purged !== id || toldAt > asked.order || ask.sent.order > began.order;
  });
}

export const ERROR_RULE = 'an error that is served was made by the upstream this moment';
export function errorWasJustMade({ id, answered }: Served, { world }: TimelineRun): boolean {
  return world.asks.some(
    (ask) => ask.id === id && ask.said === undefined && isJustOver(ask.over, answered, ERROR_TRAVEL_MS),
  );
}

export const NOT_FOUND_RULE = 'a 404 that is served was said by the upstream a short time ago';
export function notFoundIsRecent({ id, answered }: Served, run: TimelineRun): boolean {
  const sinceMs = answered.atMs - POLICY.notFoundTtlSeconds * 1000 - slackMs(run);
  return run.world.asks.some(
    ({ id: of, over, said }) =>
      of === id && said?.status === 'unknown id' && over !== undefined && over.atMs > sinceMs,
  );
}

/** Until when an answer may be served, by what was said alone: worked out here anew, and by true time. */
export function expiryMs(over: Moment, said: Statement): number {
  if (!said.enabled || said.status === 'paused') return over.atMs;
  const endMs = (said.endMs ?? Number.POSITIVE_INFINITY) - POLICY.expiryMarginSeconds * 1000;
  const endsByItself = said.status === 'complete' && said.endMs !== undefined && said.endsKnown;
  const ttlMs = endsByItself ? DAY_MS : (TTL_MS[said.status] ?? 0);
  return Math.min(over.atMs + ttlMs, endMs);
}

const TTL_MS: Readonly<Record<string, number>> = {
  'unknown id': POLICY.notFoundTtlSeconds * 1000,
  queued: POLICY.pendingTtlMs,
  rendering: POLICY.pendingTtlMs,
  complete: POLICY.terminalTtlSeconds * 1000,
  error: POLICY.terminalTtlSeconds * 1000,
  canceled: POLICY.terminalTtlSeconds * 1000,
};

/**
 * By how much a life can be misjudged where clocks differ: the upstream's `Date` knows whole seconds and is as old as the
 * answer's way, and Redis counts from when a write arrived.
 */
function slackMs({ offsetsMs }: TimelineRun): number {
  return offsetsMs.every((ms) => ms === 0) ? 0 : 1000 + MAX_UPSTREAM_MS + 2 * MAX_TRAVEL_MS;
}

function clocksDifferByMs({ served, run: { offsetsMs } }: Case): number {
  return Math.max(...offsetsMs.map((ms) => Math.abs(ms - (offsetsMs[served.replica] ?? 0))));
}

function lifeLeftMs({ served, run, over, said }: Case): number {
  return expiryMs(over, said) + slackMs(run) - served.answered.atMs;
}

/** To Redis, from there to a replica that has just read whose flight to wait for, and the news itself. */
const ERROR_TRAVEL_MS = 3 * MAX_TRAVEL_MS;
/** An answer is read again then, there and back; without news, when nothing was heard for a while. */
const ANSWER_TRAVEL_MS = ERROR_TRAVEL_MS + 2 * MAX_TRAVEL_MS + LISTEN_MS;

function isJustOver(over: Moment | undefined, answered: Moment, travelMs: number): boolean {
  return over !== undefined && over.atMs <= answered.atMs && answered.atMs - over.atMs <= travelMs;
}

function wasJustSaid({ served, found, over }: Case): boolean {
  if (found.source !== 'upstream') return false;
  return isJustOver(over, served.answered, found.collapsed ? ANSWER_TRAVEL_MS : 0);
}

function headersFor({ served, run, found, answer }: Case): Record<string, string> {
  const nowMs = run.world.clockOf(served.replica);
  return headersOf(answerHeaders(answer, found, isFresh(answer, nowMs), nowMs));
}

/** Whether a flight that can have brought this answer found Redis away: then the own copy counts, past its trust. */
function redisWasAway({ served, run }: Case): boolean {
  const fromMs = served.asked.atMs - MAX_UPSTREAM_MS - 2 * MAX_TRAVEL_MS;
  return run.redisBrokenAtMs.some((ms) => ms >= fromMs && ms <= served.answered.atMs);
}

/** Whether this replica fetched the answer, or Redis held it, no longer ago than a copy may be trusted. */
function wasSharedOfLate({ served, run: { world }, ask, over }: Case): boolean {
  if (ask.replica === served.replica && over.atMs > served.answered.atMs - TRUST_MS) return true;
  const sinceMs = served.answered.atMs - TRUST_MS - MAX_TRAVEL_MS;
  const changes = world.stored.filter(({ id }) => id === served.id);
  return changes.some((stored, n) => {
    const replacedAtMs = changes[n + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    return (
      stored.ask !== undefined &&
      world.asks[stored.ask]?.sent.order === ask.sent.order &&
      replacedAtMs > sinceMs
    );
  });
}
