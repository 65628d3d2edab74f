import type { HotFigures, HotOptions } from './hot.ts';
import type { MemoryFigures, MemoryOptions } from './memory.ts';
import { type Goal, goalTable, hotTable, memoryTable, startTable } from './report.ts';
import { markdownTable } from './support/table.ts';
import { CONNECTIONS } from './support/wrk.ts';

export interface Results {
  readonly machine: ReadonlyArray<readonly [name: string, value: string]>;
  readonly options: HotOptions & MemoryOptions;
  readonly hot: HotFigures;
  readonly memory: MemoryFigures;
  readonly startsMs: readonly number[];
  readonly goals: readonly Goal[];
}

/** The page that is kept in the repository and also shown in the terminal. */
export function resultsPage({ machine, options, hot, memory, startsMs, goals }: Results): string {
  return `# Benchmark results

Written by \`npm run bench\`; don't edit. All figures are of one run. What is measured has core 0 for itself; the load
(\`wrk -t1 -c${CONNECTIONS}\`), Redis, the upstream and the issuer share core 1.

${markdownTable(goalTable(goals))}

## Hot lookup

Finished projects out of the memory tier, several users with RS256 tokens, Redis present, limits counted there, a log
line a request into a file, metrics and security headers on; against one Express 5 route that answers the same
${hot.bodyBytes} bytes. In turns, ${options.rounds} of ${options.seconds} s each after ${options.warmUpSeconds} s of warm-up; medians.
Of the service's lookups ${percentOf(hot.memoryHitShare)} were memory hits, and each cost ${hot.redisScriptsPerLookup.toFixed(2)} scripts in Redis (the two limits).
*Spread* is largest − smallest ÷ median; *foreign CPU* is what other processes took of core 0 in the worst turn.

${markdownTable(hotTable(hot))}

## Memory

At least ${options.lookups.toLocaleString('en-US')} lookups that walk over ${options.projects.toLocaleString('en-US')} projects again and again, with the default
\`CACHE_MEMORY_MAX_BYTES\`: more than the memory tier holds, and each lookup is of the project that it has long evicted.

${markdownTable(memoryTable(memory))}

## Start

From before the process exists to the first 200 of \`/readyz\`.

${markdownTable(startTable(startsMs))}

## Machine

${markdownTable([['fact', 'value'], ...machine])}
`;
}

function percentOf(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
