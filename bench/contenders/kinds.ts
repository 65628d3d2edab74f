import type { RedisServer } from '../../test/support/redis-server.ts';
import type { Contender, FullContender } from '../support/contender.ts';

/** What contenders are told of what is around them. */
export interface Ring {
  /** For files of a contender's own. */
  readonly folder: string;
  readonly redis: RedisServer;
  readonly upstream: { readonly baseUrl: string; readonly apiKey: string };
  readonly issuer: { readonly issuer: string; readonly audience: string };
  /** The issuer's key, PEM. */
  readonly publicKeyFile: string;
  /** Of the projects that are asked for. */
  readonly ids: readonly [string, ...string[]];
  /** Their bodies, `{id: text}`. */
  readonly bodiesFile: string;
}

/** A yardstick: it answers the bytes and does nothing else. */
export interface BareKind {
  readonly name: string;
  start(ring: Ring): Promise<Contender>;
}

export interface FullSettings {
  readonly logFile: string;
  /** Requests that one user may make in a minute. */
  readonly limit: number;
}

/** One that does the whole work; support/check.ts says what that is. */
export interface FullKind {
  readonly name: string;
  /** The counter of requests among its metrics, and the labels of its series. */
  readonly requestsMetric: readonly [name: string, labels?: string];
  start(ring: Ring, settings: FullSettings): Promise<FullContender>;
}
