import { formatAtMost, formatCount, formatMilliseconds, formatRate, formatShare, NOTHING } from './format.ts';
import { type Html, html } from './html.ts';
import type { StatusReport, Traffic } from './report.ts';

/** Stands back, so that what happened stands out. */
const NONE = new Set([NOTHING, '0', '0/s']);

type Spans = Pick<StatusReport, 'lastMinute' | 'lastFiveMinutes' | 'sinceStart'>;

/** What happened of late, and in all since the start. */
export function trafficTable(spans: Spans): Html {
  const events = (name: string, count: (traffic: Traffic) => number) =>
    row(name, [
      ...[spans.lastMinute, spans.lastFiveMinutes].map((span) =>
        span.seconds === 0 ? NOTHING : formatRate(count(span) / span.seconds),
      ),
      formatCount(count(spans.sinceStart)),
    ]);
  const figures = (name: string, show: (traffic: Traffic) => string) =>
    row(name, [spans.lastMinute, spans.lastFiveMinutes, spans.sinceStart].map(show));

  return html`<section>
<h2 id="traffic">Traffic</h2>
<table class="traffic" aria-labelledby="traffic">
<thead><tr><th scope="col">What</th><th scope="col">Last minute</th><th scope="col">Last 5 minutes</th><th scope="col">Since start</th></tr></thead>
${group('Requests of users', [
  events('All', ({ requests }) => requests),
  events('Answered with 5xx', ({ serverErrors }) => serverErrors),
  events('Over a user’s limit', ({ limitedUsers }) => limitedUsers),
  events('Over an address’s limit', ({ limitedAddresses }) => limitedAddresses),
  figures('Half of them within', ({ p50Seconds }) => formatAtMost(p50Seconds)),
  figures('95 % within', ({ p95Seconds }) => formatAtMost(p95Seconds)),
])}
${group('Lookups', [
  figures('Hit ratio', ({ lookups }) => formatShare(hitRatio(lookups))),
  events('Hits in memory', ({ lookups }) => lookups.memory_hit),
  events('Hits in Redis', ({ lookups }) => lookups.redis_hit),
  events('Joined another’s', ({ lookups }) => lookups.collapsed),
  events('Misses', ({ lookups }) => lookups.miss),
  events('Errors', ({ lookups }) => lookups.error),
])}
${group('Magic Hour and Redis', [
  events('Upstream requests', ({ upstreamRequests }) => upstreamRequests),
  events('Upstream failures', ({ upstreamFailures }) => upstreamFailures),
  events('Refusals of the key', ({ keyRejections }) => keyRejections),
  events('Redis errors', ({ redisErrors }) => redisErrors),
])}
${group('Event loop', [
  figures('Busy', ({ busyShare }) => formatShare(busyShare)),
  row('Longest delay', [
    ...[spans.lastMinute, spans.lastFiveMinutes].map(({ longestDelayMs }) =>
      formatMilliseconds(longestDelayMs),
    ),
    NOTHING,
  ]),
])}
</table>
</section>`;
}

/** Of all lookups, those that were answered out of memory or Redis. */
function hitRatio(lookups: Traffic['lookups']): number | undefined {
  const { memory_hit, redis_hit, collapsed, miss, error } = lookups;
  const all = memory_hit + redis_hit + collapsed + miss + error;
  return all === 0 ? undefined : (memory_hit + redis_hit) / all;
}

function group(name: string, rows: readonly Html[]): Html {
  return html`<tbody>
<tr class="group"><th scope="rowgroup" colspan="4">${name}</th></tr>
${rows}</tbody>`;
}

function row(name: string, cells: readonly string[]): Html {
  const shown = cells.map((cell) =>
    NONE.has(cell) ? html`<td class="none">${cell}</td>` : html`<td>${cell}</td>`,
  );
  return html`<tr><th scope="row">${name}</th>${shown}</tr>
`;
}
