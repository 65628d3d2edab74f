import type { RedisServer } from './redis-server.ts';

/** A Redis of some form (one server, a cluster, a Sentinel group, with TLS), as the service's settings name it. */
export interface RedisTopology {
  /** The service's settings that lead to it. */
  readonly env: Readonly<Record<string, string>>;
  /** Every data node, masters first. */
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}
