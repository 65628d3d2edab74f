/**
 * `npm run bench -- [--quick] [--lookups N] [--projects N]`: shows the figures that this service promises, and ends
 * with 1 where one is missed. A full run writes RESULTS.md.
 */
import { writeFile } from 'node:fs/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { z } from 'zod';
import { measureHot } from './hot.ts';
import { measureMemory } from './memory.ts';
import { goalsOf } from './report.ts';
import { resultsPage } from './results-page.ts';
import { measureStart } from './start.ts';
import { moveToLoadCore } from './support/cores.ts';
import { machineFacts } from './support/machine.ts';
import { startSurroundings } from './support/surroundings.ts';
import { needWrk } from './support/wrk.ts';

const FULL = { rounds: 3, seconds: 8, warmUpSeconds: 3, lookups: 1_000_000, projects: 100_000, starts: 5 };
const QUICK = { rounds: 1, seconds: 2, warmUpSeconds: 1, lookups: 20_000, projects: 10_000, starts: 2 };
const EXIT_INTERRUPTED = 130;

const wholeNumber = z.coerce.number().int().min(1);

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      lookups: { type: 'string' },
      projects: { type: 'string' },
    },
  });
  const preset = values.quick ? QUICK : FULL;
  return {
    ...preset,
    lookups: wholeNumber.parse(values.lookups ?? preset.lookups),
    projects: wholeNumber.max(FULL.projects * 10 - 1).parse(values.projects ?? preset.projects),
  };
}

async function main(signal: AbortSignal): Promise<boolean> {
  const options = readOptions();
  moveToLoadCore();
  await needWrk();
  const machine = await machineFacts();
  await using surroundings = await startSurroundings(signal);

  progress('start …');
  const startsMs = await measureStart(surroundings, options);
  progress('hot lookup …');
  const hot = await measureHot(surroundings, options);
  progress(`memory: ${options.lookups} lookups …`);
  const memory = await measureMemory(surroundings, options);

  const goals = goalsOf(hot, memory, startsMs);
  const page = resultsPage({ machine, options, hot, memory, startsMs, goals });
  process.stdout.write(`\n${page}`);
  const isFull = isDeepStrictEqual(options, FULL);
  if (isFull) await writeFile(new URL('RESULTS.md', import.meta.url), page);
  return goals.every(({ met }) => met);
}

function progress(text: string): void {
  process.stderr.write(`bench: ${text}\n`);
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The children are ended in order; who can't wait for it asks a second time.
    if (interrupted.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupted.abort(new Error(`interrupted by ${name}`));
  });
}

try {
  process.exitCode = (await main(interrupted.signal)) ? 0 : 1;
} catch (error) {
  const { aborted } = interrupted.signal;
  process.stderr.write(`bench: ${error instanceof Error && !aborted ? error.stack : error}\n`);
  process.exitCode = aborted ? EXIT_INTERRUPTED : 1;
}
