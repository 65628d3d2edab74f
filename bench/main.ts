/**
 * `npm run bench -- [--quick] [--only hot,start] [--keep] [--lookups N] [--projects N] [--base REV]`: shows the figures that this
 * service promises, and ends with 1 where one is missed. A full run of all parts writes RESULTS.md; with `--only` it
 * stays as it is, but for `--keep`, which replaces the sections of just these parts.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { eventLoop } from './event-loop-part.ts';
import { foreign } from './foreign-part.ts';
import { halfLoad } from './half-load-part.ts';
import { hot } from './hot-part.ts';
import { memory } from './memory-part.ts';
import { misses } from './misses-part.ts';
import type { Part, RunOptions } from './part.ts';
import { profile } from './profile-part.ts';
import { machineSection, type PageSection, pageSection, resultsPage, withSections } from './results-page.ts';
import { scale } from './scale-part.ts';
import { size } from './size-part.ts';
import { start } from './start-part.ts';
import { storms } from './storms-part.ts';
import { streams } from './streams-part.ts';
import { moveToLoadCore } from './support/cores.ts';
import { machineFacts, measuredLine } from './support/machine.ts';
import { startSurroundings } from './support/surroundings.ts';
import { needWrk } from './support/wrk.ts';
import { tracing } from './tracing-part.ts';
import { webhooks } from './webhooks-part.ts';

/** In the order in which they run and stand in RESULTS.md. */
const PARTS: readonly Part[] = [
  hot,
  profile,
  halfLoad,
  eventLoop,
  storms,
  misses,
  scale,
  size,
  memory,
  streams,
  webhooks,
  foreign,
  start,
  tracing,
];

const MOST_PROJECTS = 999_999;
const EXIT_INTERRUPTED = 130;
const RESULTS = new URL('RESULTS.md', import.meta.url);

interface Options extends RunOptions {
  readonly parts: readonly Part[];
  /** What becomes of RESULTS.md. */
  readonly keep: 'all' | 'these' | 'nothing';
}

const wholeNumber = z.coerce.number().int().min(1);

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      keep: { type: 'boolean', default: false },
      lookups: { type: 'string' },
      projects: { type: 'string' },
      base: { type: 'string' },
    },
  });
  const { quick, only, keep, base } = values;
  const names = only?.split(',') ?? PARTS.map(({ name }) => name);
  const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}; see main.ts`);
  const lookups = wholeNumber.optional().parse(values.lookups);
  const projects = wholeNumber.max(MOST_PROJECTS).optional().parse(values.projects);
  const isWhole = !quick && only === undefined && lookups === undefined && projects === undefined;
  return {
    quick,
    lookups,
    projects,
    base,
    parts: PARTS.filter(({ name }) => names.includes(name)),
    keep: isWhole ? 'all' : keep ? 'these' : 'nothing',
  };
}

async function main(signal: AbortSignal): Promise<boolean> {
  const { parts, keep, ...options } = readOptions();
  moveToLoadCore();
  await needWrk();
  const facts = await machineFacts();
  const sections: PageSection[] = [];
  let allMet = true;
  for (const part of parts) {
    process.stderr.write(`bench: ${part.name} …\n`);
    // Each part has Redis and the rest for itself, so that none changes another's figures.
    await using surroundings = await startSurroundings(signal);
    const section = await part.run(surroundings, options);
    allMet &&= section.goals.every(({ met }) => met);
    sections.push(pageSection(part.heading, section, measuredLine()));
    process.stdout.write(`\n${sections.at(-1)?.markdown}\n`);
  }
  sections.push(machineSection(facts));
  if (keep === 'all') await writeFile(RESULTS, resultsPage(sections));
  if (keep === 'these') await writeFile(RESULTS, withSections(await readFile(RESULTS, 'utf8'), sections));
  return allMet;
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
