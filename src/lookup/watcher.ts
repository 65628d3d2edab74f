import { HttpError } from '../errors.ts';
import { createLruMap } from '../lru-map.ts';
import { type Answer, etagOf } from './answer.ts';
import { type Found, isOver } from './found.ts';
import type { Lookup } from './lookup.ts';
import { type Payer, payByTurns, UnpaidError } from './payer.ts';
import { type PollPolicy, pollIntervalMs } from './poll-schedule.ts';
import type { Clock, SharedWatches } from './ports.ts';
import { type Kind, projectName } from './project.ts';

/** Somebody who wants to hear how a project goes on. */
export interface Follower {
  /** Pays for polls, by turns with the others; default nobody. */
  readonly payer?: Payer | undefined;
  /** The project is in another state, or there is none any more. After a last state nothing more is told. */
  changed(found: Found): void;
  /** This process stops; nothing more is told. */
  ended(): void;
}

export interface Following {
  /** As it was at the last poll. */
  readonly latest: Found;
  /** Nothing more is told. */
  leave(): void;
}

export interface Watcher {
  /**
   * Tells of each change of a project until it is over.
   *
   * @param known the state that the follower knows
   */
  follow(kind: Kind, id: string, known: Found, follower: Follower): Following;
  /** A lookup of this process brought an answer. */
  heard(kind: Kind, id: string, answer: Answer): void;
  /** Another replica has an answer; `etag` is its validator, of a project alone. */
  heardOf(kind: Kind, id: string, etag: string | undefined): void;
  /** Lets all followers go, and whoever comes after. */
  stop(): void;
  /** Projects that somebody follows. */
  readonly watched: number;
}

/** As long as anybody may follow one project; see `SharedWatches`. */
export const WATCH_MEMORY_MS = 24 * 60 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
/** By then an answer's life is over at every tier, whoever counted it: a poll finds no copy that is just about to end. */
const SLACK_MS = 25;
/** Whatever the upstream asks for; a timer can't be set for very long. */
const MAX_PAUSE_MS = 60 * 60 * 1000;

interface Watch {
  readonly kind: Kind;
  readonly id: string;
  /** In the order of their turns to pay. */
  readonly followers: Set<Follower>;
  latest: Found;
  /** Unix milliseconds. */
  sinceMs: number;
  failures: number;
  /** Until then nobody who follows can pay for a poll, in Unix milliseconds. */
  restsUntilMs: number;
  timer: NodeJS.Timeout | undefined;
  polling: boolean;
  /** What another replica has, if that came while a poll was under way that may have begun before it. */
  news: { readonly etag: string | undefined } | undefined;
}

/**
 * Follows projects for all who want to know: one poll at a time for each in this process, however many follow.
 *
 * In the fleet nobody is appointed to it. Each replica with followers polls by `lookup`, which has one of them ask the
 * upstream; and since the next poll is due by the age of the answer, which all of them have, and of the project, which the
 * shared tier remembers, they are due together. When a replica dies, the others poll as before.
 */
export function createWatcher(dependencies: {
  readonly lookup: Pick<Lookup, 'poll'>;
  readonly shared: SharedWatches | undefined;
  readonly clock: Clock;
  readonly policy: PollPolicy;
}): Watcher {
  const { lookup, shared, clock, policy } = dependencies;
  const watches = new Map<string, Watch>();
  /**
   * The last answers that were told of, watched or not. Whoever begins to follow with another one may have looked it up before
   * that came, and been answered after it.
   */
  const lastTold = createLruMap<{ readonly etag: string | undefined }>(MAX_REMEMBERED);
  /** When each project was first watched here, in Unix milliseconds. */
  const firstSeenMs = createLruMap<number>(MAX_REMEMBERED);
  let stopped = false;

  function begin(kind: Kind, id: string, known: Found, follower: Follower): Watch {
    const key = projectName(kind, id);
    const nowMs = clock.now();
    const seenMs = firstSeenMs.get(key);
    const sinceMs = seenMs !== undefined && isWithinMemory(nowMs - seenMs) ? seenMs : nowMs;
    firstSeenMs.set(key, sinceMs);
    const watch: Watch = {
      kind,
      id,
      followers: new Set([follower]),
      latest: known,
      sinceMs,
      failures: 0,
      restsUntilMs: 0,
      timer: undefined,
      polling: false,
      news: undefined,
    };
    watches.set(key, watch);
    const told = lastTold.get(key);
    if (told !== undefined && told.etag !== etagOf(known.answer)) void poll(watch);
    else schedule(watch, known.answer.fetchedAtMs);
    shared?.begin(kind, id).then(
      (ageMs) => {
        watch.sinceMs = Math.min(watch.sinceMs, clock.now() - ageMs);
        firstSeenMs.set(key, watch.sinceMs);
        if (isCurrent(watch) && !watch.polling) schedule(watch, watch.latest.answer.fetchedAtMs);
      },
      // Then it is as old as it is here.
      () => undefined,
    );
    return watch;
  }

  function isCurrent(watch: Watch): boolean {
    return watches.get(projectName(watch.kind, watch.id)) === watch;
  }

  function end(watch: Watch): void {
    clearTimeout(watch.timer);
    if (isCurrent(watch)) watches.delete(projectName(watch.kind, watch.id));
  }

  const intervalOf = ({ sinceMs, failures }: Watch, nowMs: number) =>
    pollIntervalMs(nowMs - sinceMs, failures, policy);

  /** @param askedAtMs when the upstream was last asked, or tried to be, in Unix milliseconds */
  function schedule(watch: Watch, askedAtMs: number, notBeforeMs = 0): void {
    clearTimeout(watch.timer);
    const nowMs = clock.now();
    const intervalMs = intervalOf(watch, nowMs);
    // By a clock that was set back it may lie ahead.
    const dueMs =
      Math.max(Math.min(askedAtMs, nowMs) + intervalMs, notBeforeMs, watch.restsUntilMs) + SLACK_MS;
    watch.timer = setTimeout(poll, Math.min(MAX_PAUSE_MS, Math.max(1, dueMs - nowMs)), watch).unref();
  }

  async function poll(watch: Watch): Promise<void> {
    if (watch.polling) return;
    watch.polling = true;
    watch.news = undefined;
    try {
      const { kind, id } = watch;
      const request = { kind, id, minValidSeconds: undefined, traceparent: undefined };
      const found = await lookup.poll({ ...request, payer: payerOf(watch) });
      watch.polling = false;
      if (isCurrent(watch)) take(watch, found);
    } catch (error) {
      watch.polling = false;
      if (isCurrent(watch)) retry(watch, error);
    }
    followUp(watch);
  }

  function retry(watch: Watch, error: unknown): void {
    const isUnpaid = error instanceof UnpaidError;
    const told = isUnpaid ? error.refusal : error;
    const nowMs = clock.now();
    const againMs = nowMs + (told instanceof HttpError ? (told.retryAfterSeconds ?? 0) * 1000 : 0);
    if (!isUnpaid) watch.failures += 1;
    // Somebody who can pay may have come while it was asked. All windows end together, and not all polls are to come then.
    else if (payerOf(watch).isOver()) watch.restsUntilMs = againMs + Math.random() * intervalOf(watch, nowMs);
    schedule(watch, nowMs, isUnpaid ? 0 : againMs);
  }

  /** Polls again where the poll that is over may not have seen the news. */
  function followUp(watch: Watch): void {
    const { news } = watch;
    if (news !== undefined && isCurrent(watch) && news.etag !== etagOf(watch.latest.answer)) void poll(watch);
  }

  function take(watch: Watch, found: Found): void {
    const changed = etagOf(watch.latest.answer) !== etagOf(found.answer);
    watch.latest = found;
    watch.failures = 0;
    if (isOver(found)) end(watch);
    else schedule(watch, found.answer.fetchedAtMs, found.answer.freshUntilMs);
    if (!changed) return;
    for (const follower of isOver(found) ? dismiss(watch) : [...watch.followers]) follower.changed(found);
  }

  return {
    get watched() {
      return watches.size;
    },
    follow(kind, id, known, follower) {
      if (stopped) {
        queueMicrotask(() => follower.ended());
        return { latest: known, leave: () => undefined };
      }
      const watch = watches.get(projectName(kind, id)) ?? begin(kind, id, known, follower);
      watch.followers.add(follower);
      if (watch.restsUntilMs > clock.now() && !follower.payer?.isOver()) {
        // Those who wait for the end of a window hear at the expense of one who need not.
        watch.restsUntilMs = 0;
        if (!watch.polling) schedule(watch, watch.latest.answer.fetchedAtMs);
      }
      if (etagOf(watch.latest.answer) !== etagOf(known.answer)) {
        // A newer one came between the follower's lookup and now.
        queueMicrotask(() => {
          if (watch.followers.has(follower)) follower.changed(watch.latest);
        });
      }
      return {
        get latest() {
          return watch.latest;
        },
        leave() {
          watch.followers.delete(follower);
          if (watch.followers.size === 0) end(watch);
        },
      };
    },
    heard(kind, id, answer) {
      const key = projectName(kind, id);
      lastTold.set(key, { etag: etagOf(answer) });
      const watch = watches.get(key);
      if (watch === undefined) return;
      take(watch, { answer, source: 'upstream', collapsed: true, forwarded: 'stale' });
    },
    heardOf(kind, id, etag) {
      const key = projectName(kind, id);
      lastTold.set(key, { etag });
      const watch = watches.get(key);
      if (watch === undefined) return;
      if (watch.polling) watch.news = { etag };
      else if (etagOf(watch.latest.answer) === etag) schedule(watch, clock.now());
      else void poll(watch);
    },
    stop() {
      stopped = true;
      for (const watch of [...watches.values()]) {
        end(watch);
        for (const follower of dismiss(watch)) follower.ended();
      }
    },
  };
}

/** Whoever has paid is the last to pay again. */
function payerOf({ kind, id, followers }: Watch): Payer {
  return payByTurns(
    `followers of ${projectName(kind, id)}`,
    () => followers,
    (follower) => {
      if (followers.delete(follower)) followers.add(follower);
    },
  );
}

/** Lets the followers go. @returns those that there were */
function dismiss({ followers }: Watch): Follower[] {
  const gone = [...followers];
  followers.clear();
  return gone;
}

function isWithinMemory(ageMs: number): boolean {
  return ageMs >= 0 && ageMs < WATCH_MEMORY_MS;
}
