import type { ErrorCode } from '../errors.ts';
import type { Answer } from './answer.ts';
import type { Kind, Project } from './project.ts';

/** Time, handed in so that tests can hold it. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
}

/** The tier inside this process. Answers at once, forgets when it must. */
export interface MemoryCache {
  read(kind: Kind, id: string): HeldAnswer | undefined;
  write(kind: Kind, id: string, answer: Answer): void;
  remove(kind: Kind, id: string): void;
}

export interface HeldAnswer {
  readonly answer: Answer;
  /** Unix milliseconds until which this copy may be served without asking the shared tier. */
  readonly trustedUntilMs: number;
}

/** The tier that all replicas share. Every call rejects when it can't be reached; the caller goes on without it. */
export interface SharedCache {
  read(kind: Kind, id: string): Promise<SharedRead>;
  /** @returns `false` if the project was purged since the read that gave `purgeMark`; then nothing was written. */
  write(kind: Kind, id: string, answer: Answer, purgeMark: string | undefined): Promise<boolean>;
  /** Removes the project here and tells every replica. A flight that is under way is let go. */
  purge(kind: Kind, id: string): Promise<void>;
  /** `undefined` where each replica flies by itself. */
  readonly flights?: SharedFlights | undefined;
}

/** What the fleet remembers of who watches. */
export interface SharedWatches {
  /**
   * Remembers for a day that somebody watches the project, so that replicas are told of each answer that is stored.
   *
   * @returns for how long the fleet has watched it, in milliseconds
   */
  begin(kind: Kind, id: string): Promise<number>;
}

export interface SharedRead {
  /** Its times are by the clock of the process that wrote it. */
  readonly answer: Answer | undefined;
  /**
   * Milliseconds of its life that are left by the shared tier, which counts from the write and compares no clocks;
   * `Infinity` where it doesn't count.
   */
  readonly lifeLeftMs: number;
  /** Names the last purge of this project, if it was a short time ago. */
  readonly purgeMark: string | undefined;
}

/** One flight a project at a time for all replicas. See "A flight of the fleet" in docs/architecture.md. */
export interface SharedFlights {
  /**
   * Reads; where there is no answer, takes part in the project's flight, at the price of the read alone.
   *
   * @param anyway takes part in it whatever there is
   */
  join(kind: Kind, id: string, anyway: boolean): Promise<SharedJoin>;
  /** So often may one wait for others' flights that end with nothing; as long as one's own may last. */
  readonly maxWaits: number;
}

export interface SharedJoin extends SharedRead {
  /** `undefined` where it takes part in none: there is an answer, or the shared tier takes no writes. */
  readonly flight: LedFlight | FollowedFlight | undefined;
}

/** Nobody else asks the upstream until this flight ends. It must be ended; one that is not is taken over after a while. */
export interface LedFlight {
  readonly role: 'leader';
  /** Ends it with an answer. @returns `false` if it was purged or taken over meanwhile; then nothing was written. */
  store(answer: Answer): Promise<boolean>;
  /** Ends it without one. */
  end(ending: FlightEnding): Promise<void>;
}

/** Another replica asks the upstream. */
export interface FollowedFlight {
  readonly role: 'follower';
  /** Names that replica. */
  readonly leader: string;
  /** How it ended; `undefined` where nothing is heard of it for a while, and it is time to read again. */
  ending(): Promise<FlightEnding | undefined>;
}

export type FlightEnding =
  | { readonly how: 'stored' }
  /** There is an answer, but none that may be kept. */
  | { readonly how: 'unkept' }
  /** It says nothing of the project: purged meanwhile, or its leader had a trouble of its own. */
  | { readonly how: 'dropped' }
  | {
      readonly how: 'failed';
      readonly code: ErrorCode;
      readonly retryAfterSeconds?: number | undefined;
    };

/** Magic Hour. */
export interface Upstream {
  /**
   * Asks for one project, within the upstream's own deadline.
   *
   * @returns `undefined` for a 404.
   * @throws HttpError for everything that is neither 200 nor 404.
   */
  fetchProject(kind: Kind, id: string, trace: TraceContext): Promise<UpstreamAnswer | undefined>;
}

/** A 200. */
export interface UpstreamAnswer {
  readonly body: Uint8Array;
  /** What the upstream's own clock showed as it answered (`Date`), in Unix milliseconds. */
  readonly dateMs: number | undefined;
  /** For an answer that is none to what was asked: what comes next on the same connection would be none either. */
  hangUp(): void;
}

export interface TraceContext {
  /** The caller's `traceparent` (W3C Trace Context), if it sent a valid one. */
  readonly traceparent: string | undefined;
}

export type LookupResult = 'memory_hit' | 'redis_hit' | 'collapsed' | 'miss' | 'error';

/** Facts about lookups, for whoever counts or logs them. */
export interface LookupEvents {
  lookedUp(kind: Kind, result: LookupResult): void;
  statusSeen(kind: Kind, status: Project['status']): void;
  contractDrifted(field: string): void;
}
