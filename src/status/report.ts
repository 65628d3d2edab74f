import type { LookupResult } from '../lookup/ports.ts';

/** All that the status page shows: plain data, with no secret, no user and no project in it. */
export interface StatusReport {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly version: string;
  readonly nodeVersion: string;
  readonly ready: boolean;
  readonly checks: readonly CheckReport[];
  readonly upstream: {
    /** With its port where that is not the scheme's own. */
    readonly host: string;
    readonly circuitOpen: Since<boolean>;
    readonly inFlight: number;
    readonly maxInFlight: number;
    readonly queued: number;
    readonly maxQueued: number;
  };
  readonly key: Since<KeyReport>;
  /** `undefined` where none is configured. */
  readonly redis: { readonly topology: string; readonly up: Since<boolean> } | undefined;
  readonly cache: { readonly bytes: number; readonly maxBytes: number; readonly entries: number };
  readonly requestsInFlight: number;
  readonly memory: { readonly residentBytes: number; readonly heapBytes: number };
  readonly lastMinute: Traffic;
  readonly lastFiveMinutes: Traffic;
  readonly sinceStart: Traffic;
}

export interface Since<T> {
  readonly value: T;
  /** Unix milliseconds; `undefined` where it was so from the start. */
  readonly sinceMs: number | undefined;
}

export interface CheckReport {
  readonly name: string;
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly detail?: string;
}

export interface KeyReport {
  readonly place: 'current' | 'next';
  /** Whether its file brought it after the start. */
  readonly newer: boolean;
  /** 1 at the start; one more each time that another key comes into use. */
  readonly generation: number;
}

/** What happened in a span of time. Counts, where nothing else is said. */
export interface Traffic {
  readonly seconds: number;
  readonly requests: number;
  /** Answers of 500 and above. */
  readonly serverErrors: number;
  readonly p50Seconds: number | undefined;
  readonly p95Seconds: number | undefined;
  readonly lookups: Readonly<Record<LookupResult, number>>;
  readonly upstreamRequests: number;
  /** Those that brought neither a project nor the word that there is none. */
  readonly upstreamFailures: number;
  readonly keyRejections: number;
  readonly limitedUsers: number;
  readonly limitedAddresses: number;
  readonly redisErrors: number;
  /** The longest that the event loop was held up. */
  readonly longestDelayMs: number;
  /** 0 to 1: how much of the time the event loop was at work. */
  readonly busyShare: number | undefined;
}
