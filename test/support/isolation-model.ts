import { strongEtag } from '../../src/lookup/answer.ts';
import { DAY_MS, download, isoTime, POLICY, projectBody } from './builders.ts';
import type { MagicHourEmulator } from './magic-hour-emulator.ts';

/** What the access policy gives to whom; another policy is another function. */
export type MaySee = (user: string, id: string) => boolean;

export const STATES = [
  'complete',
  'short',
  'queued',
  'error',
  'deleted',
  'missing',
  'foreign',
  'unpaid',
] as const;
export type State = (typeof STATES)[number];

/** What the upstream says of a project from one moment to the next. */
export interface Version {
  readonly state: State;
  /** What may come of it: a body, or an error's status. */
  readonly body: Buffer;
  readonly etag: string;
  /** Until when it may be served, if it was fetched then; at or before then: not at all. */
  expiryMs(fetchedAtMs: number): number;
  /** Places in the emulator's list of requests: those that were answered with it. */
  readonly fromArrival: number;
  toArrival: number;
}

/** When a request was sent, in the terms in which its answer is judged. */
export interface Sending {
  readonly nowMs: number;
  /** A request to the upstream from before this place was over before this one was sent. */
  readonly since: number;
  /** The same for the last purge that was over before. */
  readonly purged: number;
}

export interface IsolationModel {
  readonly maySee: MaySee;
  define(id: string, state: State): void;
  /** A step of its own: whatever was under way before the step before it is over now. */
  nextStep(): void;
  /** @returns call it when the purge is over everywhere */
  beginPurge(id: string): () => void;
  sending(id: string): Sending;
  /** Versions that may be seen in an answer that comes now. */
  allowed(id: string, sending: Sending): readonly Version[];
  /** Every validator that there ever was, of any project. */
  readonly etags: readonly string[];
  /** Counts a request that a user's limit may have counted. @returns all of them so far */
  count(user: string): number;
  counted(user: string): number;
  /** Whether this name of a count is one user's alone. */
  isOwnCount(user: string, name: string): boolean;
}

export function createIsolationModel(options: {
  readonly emulator: MagicHourEmulator;
  readonly ids: readonly string[];
  readonly now: () => number;
  readonly maySee: MaySee;
}): IsolationModel {
  const { emulator, ids, now, maySee } = options;
  const versions = new Map<string, Version[]>(ids.map((id) => [id, []]));
  const purged = new Map<string, number>();
  const counts = new Map<string, number>();
  const countNames = new Map<string, string>();
  const etags: string[] = [];
  let steps = [0, 0];
  const arrivals = () => emulator.requests.length;

  function define(id: string, state: State): void {
    const before = versions.get(id) ?? [];
    const last = before.at(-1);
    if (last !== undefined) last.toArrival = arrivals();
    const version = createVersion(id, state, now(), arrivals());
    etags.push(version.etag);
    versions.set(id, [...before, version]);
    const status = state === 'missing' ? 404 : state === 'unpaid' ? 402 : 200;
    emulator.project(id, { response: { status, body: version.body } });
  }

  for (const [n, id] of ids.entries()) define(id, STATES[n % STATES.length] ?? 'missing');
  return {
    maySee,
    define,
    nextStep() {
      steps = [steps[1] ?? 0, arrivals()];
    },
    beginPurge(id) {
      const floor = arrivals();
      return () => purged.set(id, Math.max(floor, purged.get(id) ?? 0));
    },
    sending: (id) => ({ nowMs: now(), since: steps[0] ?? 0, purged: purged.get(id) ?? 0 }),
    allowed(id, { nowMs, since, purged: floor }) {
      const fetches = emulator.requests
        .map(({ path, atMs }, arrival) => ({ path, atMs, arrival }))
        .filter(({ path, arrival }) => path === `/v1/image-projects/${id}` && arrival >= floor);
      return (versions.get(id) ?? []).filter((version) =>
        fetches.some(
          ({ arrival, atMs }) =>
            arrival >= version.fromArrival &&
            arrival < version.toArrival &&
            (arrival >= since || version.expiryMs(atMs) > nowMs),
        ),
      );
    },
    etags,
    count(user) {
      counts.set(user, (counts.get(user) ?? 0) + 1);
      return counts.get(user) ?? 0;
    },
    counted: (user) => counts.get(user) ?? 0,
    isOwnCount(user, name) {
      const owner = countNames.get(name) ?? user;
      countNames.set(name, owner);
      return owner === user && [...countNames].every(([other, whose]) => whose !== user || other === name);
    },
  };
}

let made = 0;

function createVersion(id: string, state: State, nowMs: number, fromArrival: number): Version {
  made += 1;
  const endMs = nowMs + (state === 'short' ? 60_000 : DAY_MS);
  const over = state === 'complete' || state === 'short' || state === 'deleted';
  const body = projectBody({
    id: state === 'foreign' ? `not-${id}` : id,
    name: `body ${made} of ${id}`,
    status: over || state === 'foreign' ? 'complete' : state,
    enabled: state !== 'deleted',
    downloads: over ? [download(isoTime(endMs))] : [],
  });
  const lifeMs: Readonly<Record<State, number>> = {
    complete: DAY_MS,
    short: DAY_MS,
    queued: POLICY.pendingTtlMs,
    error: POLICY.terminalTtlSeconds * 1000,
    missing: POLICY.notFoundTtlSeconds * 1000,
    deleted: 0,
    foreign: 0,
    unpaid: 0,
  };
  return {
    state,
    body,
    etag: strongEtag(body),
    expiryMs: (fetchedAtMs) =>
      Math.min(fetchedAtMs + lifeMs[state], over ? endMs - POLICY.expiryMarginSeconds * 1000 : Infinity),
    fromArrival,
    toArrival: Number.POSITIVE_INFINITY,
  };
}
