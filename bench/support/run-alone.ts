import { type Goal, goalTable } from '../report.ts';
import { moveToLoadCore } from './cores.ts';
import { type Surroundings, startSurroundings } from './surroundings.ts';
import { markdownTable } from './table.ts';

/**
 * One part of the benchmark as a program of its own: shows its figures, writes no file, ends with 1 where a goal is missed.
 *
 * @param part is told whether the command line says `--quick`
 */
export async function runAlone(
  part: (
    surroundings: Surroundings,
    quick: boolean,
  ) => Promise<{ readonly goals: readonly Goal[]; readonly text: string }>,
): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  moveToLoadCore();
  await using surroundings = await startSurroundings(interrupted.signal);
  const { goals, text } = await part(surroundings, process.argv.includes('--quick'));
  process.stdout.write(`${markdownTable(goalTable(goals))}\n\n${text}\n`);
  process.exitCode = goals.every(({ met }) => met) ? 0 : 1;
}
