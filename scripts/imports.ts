import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

export interface Import {
  /** Paths inside the folder that was looked through, with `/`. */
  readonly from: string;
  readonly to: string;
  /** Nothing of it is left once types are stripped. */
  readonly typesOnly: boolean;
}

/** As Biome formats it, each begins a line. */
const STATIC = /^(?:import|export)\s+(?<type>type\s)?(?<names>[^'";]*?)\s*from\s+'(?<target>\.[^']*)';/gm;
const BARE = /^import\s+'(?<target>\.[^']*)';|\bimport\('(?<target2>\.[^']*)'\)/gm;

/** What the sources of a folder import of each other, each pair of files once. */
export function importsIn(folder: URL): Import[] {
  const files = globSync('**/*.{ts,js}', { cwd: folder }).map((file) => file.replaceAll('\\', '/'));
  return files.toSorted().flatMap((from) => importsOf(from, readFileSync(new URL(from, folder), 'utf8')));
}

function importsOf(from: string, source: string): Import[] {
  const typesOnly = new Map<string, boolean>();
  const add = (target: string, types: boolean) => {
    const to = posix.join(posix.dirname(from), target);
    typesOnly.set(to, types && (typesOnly.get(to) ?? true));
  };
  for (const { groups = {} } of source.matchAll(STATIC)) add(groups.target ?? '', groups.type !== undefined);
  for (const { groups = {} } of source.matchAll(BARE)) add(groups.target ?? groups.target2 ?? '', false);
  return [...typesOnly].map(([to, types]) => ({ from, to, typesOnly: types }));
}
