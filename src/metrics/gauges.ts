import { Gauge, type PrometheusContentType, type Registry } from 'prom-client';
import type { FollowedFile } from '../secret.ts';

/** Values that are read at scrape time. */
export interface GaugeSources {
  readonly requestsInFlight: () => number;
  readonly upstreamCircuitOpen: () => boolean;
  readonly upstreamInFlight: () => number;
  readonly upstreamQueued: () => number;
  readonly upstreamBudgetUsed: () => number;
  readonly redisConfigured: () => boolean;
  readonly redisUp: () => boolean;
  /** By the issuers' places in the settings. */
  readonly issuerKeysAvailable: () => ReadonlyArray<readonly [issuer: string, available: boolean]>;
  readonly cacheMemoryBytes: () => number;
  readonly cacheMemoryEntries: () => number;
  readonly eventStreamsOpen: () => number;
  readonly projectsWatched: () => number;
  readonly files: readonly FollowedFile[];
}

export function registerGauges(registry: Registry<PrometheusContentType>, sources: GaugeSources): void {
  const registers = [registry];
  const gauges: ReadonlyArray<readonly [name: string, help: string, read: () => number | boolean]> = [
    ['http_requests_in_flight', 'Requests that are being answered.', sources.requestsInFlight],
    [
      'upstream_circuit_open',
      '1 while the upstream is not asked because it failed.',
      sources.upstreamCircuitOpen,
    ],
    ['upstream_requests_in_flight', 'Requests at the upstream.', sources.upstreamInFlight],
    ['upstream_requests_queued', 'Requests that wait for a place at the upstream.', sources.upstreamQueued],
    [
      'upstream_budget_used_ratio',
      'Share of UPSTREAM_BUDGET_MAX that is used in this window, as far as this replica knows; 0 where none is set.',
      sources.upstreamBudgetUsed,
    ],
    ['redis_configured', '1 where a Redis is configured.', sources.redisConfigured],
    ['redis_up', '1 while Redis answers; 0 while it does not, or where none is configured.', sources.redisUp],
    ['cache_memory_bytes', 'Bytes held by the in-process cache.', sources.cacheMemoryBytes],
    ['cache_memory_entries', 'Projects held by the in-process cache.', sources.cacheMemoryEntries],
    ['event_streams_open', 'Event streams that are open.', sources.eventStreamsOpen],
    ['projects_watched', 'Projects that streams or waiting lookups follow.', sources.projectsWatched],
  ];
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(Number(read()));
      },
    });
  }

  new Gauge({
    name: 'issuer_keys_available',
    help: "1 while there are keys of the issuer's to judge tokens with; the issuer by its place in the settings.",
    labelNames: ['issuer'],
    registers,
    collect() {
      for (const [issuer, available] of sources.issuerKeysAvailable())
        this.set({ issuer }, Number(available));
    },
  });

  new Gauge({
    name: 'secret_file_usable',
    help: 'Whether a file that a setting names could be read and used at the last look; if not, the last good content counts.',
    labelNames: ['file'],
    registers,
    collect() {
      for (const { setting, usable } of sources.files) this.set({ file: setting }, Number(usable()));
    },
  });
}
