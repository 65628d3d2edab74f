import { type MemoryFigures, type MemoryOptions, measureMemory } from './memory.ts';
import type { Part } from './part.ts';
import { count, mib, type Table } from './report.ts';
import { markdownTable } from './support/table.ts';

const FULL: MemoryOptions = { lookups: 1_000_000, projects: 999_999 };
const QUICK: MemoryOptions = { lookups: 20_000, projects: 10_000 };
const GOAL_MIB = 256;

export const memory: Part = {
  name: 'memory',
  heading: 'Memory',
  async run(surroundings, { quick, lookups, projects }) {
    const preset = quick ? QUICK : FULL;
    const options = { lookups: lookups ?? preset.lookups, projects: projects ?? preset.projects };
    const figures = await measureMemory(surroundings, options);
    return {
      goals: [
        {
          figure: `resident memory, highest, ${count(figures.lookups)} lookups`,
          value: mib(figures.peakBytes),
          goal: `< ${GOAL_MIB} MiB`,
          met: figures.peakBytes < GOAL_MIB * 2 ** 20,
        },
      ],
      text: `\
At least ${count(options.lookups)} lookups that walk over ${count(options.projects)} projects again and again, with the default
\`CACHE_MEMORY_MAX_BYTES\`: more than the memory tier holds, and each lookup is of the project that it has long evicted. Started by
\`npm start\`'s command, with \`MALLOC_ARENA_MAX\` as the image sets it.

${markdownTable(memoryTable(figures))}`,
    };
  },
};

function memoryTable(memory: MemoryFigures): Table {
  return [
    ['figure', 'value'],
    ['lookups', count(memory.lookups)],
    ['upstream requests', count(memory.upstreamRequests)],
    ['lookups/s', count(memory.requestsPerSecond)],
    ['body', `${memory.bodyBytes} bytes`],
    ['resident when ready', mib(memory.idleBytes)],
    ['resident, highest', mib(memory.peakBytes)],
    ['resident after the last lookup', mib(memory.afterBytes)],
    ['`cache_memory_bytes`', mib(memory.cacheBytes)],
    ['`cache_memory_entries`', count(memory.cacheEntries)],
    ['V8 heap', mib(memory.heapBytes)],
    ['Buffers and the like', mib(memory.externalBytes)],
    ["Redis' own memory", mib(memory.redisBytes)],
  ];
}
