import type { Part } from './part.ts';
import { count, type Goal } from './report.ts';
import { measureStreams, PENDING_TTL_MS, type StreamFigures } from './streams.ts';
import { markdownTable } from './support/table.ts';

const FULL = { streams: 5000, watchedMs: 60_000 };
const QUICK = { streams: 500, watchedMs: 10_000 };
const MAX_BYTES_EACH = 20 * 1024;

export const streams: Part = {
  name: 'streams',
  heading: 'Event streams',
  async run(surroundings, { quick }) {
    const figures = await measureStreams(surroundings, quick ? QUICK : FULL);
    return { goals: goalsOf(figures), text: textOf(figures) };
  },
};

const bytesEach = ({ streams: open, idleBytes, openBytes }: StreamFigures) => (openBytes - idleBytes) / open;
const requestsPerTtl = ({ upstreamRequests, watchedSeconds }: StreamFigures) =>
  (upstreamRequests * PENDING_TTL_MS) / (watchedSeconds * 1000);

function goalsOf(figures: StreamFigures): Goal[] {
  const { streams: open } = figures;
  return [
    {
      figure: `upstream requests in \`CACHE_PENDING_TTL_MS\`, for ${count(open)} streams on one project`,
      value: requestsPerTtl(figures).toFixed(2),
      goal: '≤ 1.00',
      met: requestsPerTtl(figures) <= 1,
    },
    {
      figure: 'KiB of memory for each stream',
      value: (bytesEach(figures) / 1024).toFixed(1),
      goal: `≤ ${MAX_BYTES_EACH / 1024}`,
      met: bytesEach(figures) <= MAX_BYTES_EACH,
    },
  ];
}

function textOf(figures: StreamFigures): string {
  const { streams: open, openSeconds, watchedSeconds, upstreamRequests, coreShare } = figures;
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
  return `\
${count(open)} streams of ${count(open / 20)} users on one project that goes on rendering, opened 50 at a time, then left open. It is
polled as often as it may be (\`WATCH_INTERVAL_MAX_MS\` is \`CACHE_PENDING_TTL_MS\`); by default it is asked for more rarely as it
ages. Memory is by how much more of the process was resident with all of them open than with none.

${markdownTable([
  [
    'streams',
    'seconds to open all',
    'upstream requests',
    'in seconds',
    'MiB before',
    'MiB with all open',
    'KiB each',
    'share of a core',
  ],
  [
    count(open),
    openSeconds.toFixed(1),
    count(upstreamRequests),
    watchedSeconds.toFixed(0),
    mib(figures.idleBytes),
    mib(figures.openBytes),
    (bytesEach(figures) / 1024).toFixed(1),
    `${(coreShare * 100).toFixed(1)} %`,
  ],
])}`;
}
