import { formatBytes, formatCount, formatDuration, formatMoment } from './format.ts';
import { type Html, html } from './html.ts';
import type { Since, StatusReport } from './report.ts';

/** Adds a colour to words that say the same. */
type Mood = 'good' | 'warn' | 'bad' | 'plain';

const DAY_MS = 86_400_000;

const MOOD_OF = { ok: 'good', degraded: 'warn', failed: 'bad' } as const;

export function dependencies(report: StatusReport): Html {
  const { upstream, key, redis } = report;
  const { circuitOpen } = upstream;
  const since = (state: Since<unknown>) => sinceText(state, report);
  const { place, newer, generation } = key.value;
  return facts('dependencies', 'Magic Hour and Redis', [
    fact('Upstream', upstream.host),
    fact(
      'Circuit',
      circuitOpen.value ? 'open: not asked for a while' : 'closed',
      since(circuitOpen),
      circuitOpen.value ? 'bad' : 'good',
    ),
    fact('Key in use', `the ${place} one${newer ? ', newer from its file' : ''}`, since(key)),
    fact('Key generation', `${generation}`, exchanged(generation - 1)),
    redis === undefined
      ? fact('Redis', 'not configured', 'so cache and limits are of this process alone')
      : fact(
          'Redis',
          `${redis.up.value ? 'up' : 'down'}, ${redis.topology}`,
          since(redis.up),
          redis.up.value ? 'good' : 'bad',
        ),
  ]);
}

export function thisProcess({ requestsInFlight, upstream, cache, memory }: StatusReport): Html {
  return facts('process', 'At this moment', [
    fact('Requests in flight', formatCount(requestsInFlight)),
    fact('At the upstream', `${formatCount(upstream.inFlight)} of ${formatCount(upstream.maxInFlight)}`),
    fact('Queued for it', `${formatCount(upstream.queued)} of ${formatCount(upstream.maxQueued)}`),
    fact(
      'Memory cache',
      `${formatBytes(cache.bytes)} of ${formatBytes(cache.maxBytes)}`,
      `in ${formatCount(cache.entries)} projects`,
    ),
    fact(
      'Process memory',
      formatBytes(memory.residentBytes),
      `with ${formatBytes(memory.heapBytes)} in V8’s heap`,
    ),
  ]);
}

export function checks(report: StatusReport): Html {
  return facts(
    'checks',
    'Readiness checks',
    report.checks.map(({ name, status, detail }) => fact(name, status, detail, MOOD_OF[status])),
  );
}

function facts(id: string, heading: string, rows: readonly Html[]): Html {
  return html`<section>
<h2 id="${id}">${heading}</h2>
<table class="facts" aria-labelledby="${id}">
<tbody>
${rows}</tbody>
</table>
</section>`;
}

function fact(name: string, value: string, more = '', mood: Mood = 'plain'): Html {
  return html`<tr><th scope="row">${name}</th><td><span class="${mood}">${value}</span> <small>${more}</small></td></tr>
`;
}

function exchanged(times: number): string {
  if (times === 0) return 'not exchanged since the start';
  return times === 1 ? 'exchanged once since the start' : `exchanged ${times} times since the start`;
}

function sinceText({ sinceMs }: Since<unknown>, { atMs }: StatusReport): string {
  if (sinceMs === undefined) return 'since the start';
  const moment = formatMoment(sinceMs);
  const shown = atMs - sinceMs < DAY_MS ? moment.slice(moment.indexOf(' ') + 1) : moment;
  return `since ${shown}, ${formatDuration(atMs - sinceMs)} ago`;
}
