import type { Import } from './imports.ts';

/** Files of `src/` itself that are drawn as one. A folder is one by itself, and so is a file that stands nowhere here. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  start: ['start.js', 'main.ts', 'run.ts', 'command-line.ts', 'commands.ts', 'v8-heap.ts'],
  service: ['service.ts', 'shutdown.ts'],
  app: ['app.ts', 'ops-app.ts'],
  settings: [
    'config.ts',
    'config-files.ts',
    'config-issuers.ts',
    'config-relations.ts',
    'config-schema.ts',
    'effective-settings.ts',
    'key-values.ts',
    'secret-parts.ts',
    'secret.ts',
    'settings.ts',
    'unknown-settings.ts',
  ],
  log: ['log.ts', 'log-batches.ts', 'log-bursts.ts', 'log-events.ts', 'request-log.ts', 'even-sampler.ts'],
};

/** Anybody may import these, which import nothing but each other; arrows to them would only fill the picture. */
const BASICS: readonly string[] = [
  'certificate.ts',
  'describe-error.ts',
  'errors.ts',
  'http-conventions.ts',
  'json.ts',
  'leak-guard.ts',
  'lru-map.ts',
  'watched-file.ts',
];

/** These put all the others together; what they are drawn with is each other, and `app`. */
const TOP: readonly string[] = ['service', 'wiring', 'app'];

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly typesOnly: boolean;
}

/** Who imports whom, once a pair, without what is a part's own affair and what only fills the picture. */
export function arrowsOf(imports: readonly Import[]): Arrow[] {
  const typesOnly = new Map<string, boolean>();
  for (const each of imports) {
    const [from, to] = [partOf(each.from), partOf(each.to)];
    if (from === 'basics' && to !== 'basics')
      throw new Error(`${each.from} is basic, and imports ${each.to}`);
    if (from === to || to === 'basics') continue;
    if ((from === 'service' || from === 'wiring') && !TOP.includes(to)) continue;
    const key = `${from} ${to}`;
    typesOnly.set(key, each.typesOnly && (typesOnly.get(key) ?? true));
  }
  return [...typesOnly].map(([key, types]) => {
    const [from = '', to = ''] = key.split(' ');
    return { from, to, typesOnly: types };
  });
}

/** A Mermaid flowchart of the parts of `src/`: a solid arrow for values, a dashed one for types alone. */
export function modulePicture(imports: readonly Import[]): string {
  const files = new Set(imports.flatMap(({ from, to }) => [from, to]));
  const members = Map.groupBy([...files].toSorted(), partOf);
  members.delete('basics');
  const boxes = [...members].map(([part, own]) => `  ${part}["${labelOf(part, own)}"]`);
  const arrows = arrowsOf(imports).map(
    ({ from, to, typesOnly }) => `  ${from} ${typesOnly ? '-.->' : '-->'} ${to}`,
  );
  return ['```mermaid', 'flowchart TD', ...boxes.toSorted(), ...arrows.toSorted(), '```'].join('\n');
}

/** A word that Mermaid takes for the name of a box. */
function partOf(file: string): string {
  const [folder = '', ...rest] = file.split('/');
  if (rest.length > 0) return folder.replaceAll('-', '_');
  if (BASICS.includes(file)) return 'basics';
  const together = Object.entries(TOGETHER).find(([, files]) => files.includes(file));
  return together?.[0] ?? file.replace(/\.\w+$/, '').replaceAll('-', '_');
}

function labelOf(part: string, files: readonly string[]): string {
  const [folder = '', inside] = files[0]?.split('/') ?? [];
  if (inside !== undefined) return `${folder}/`;
  const inOrder = TOGETHER[part]?.filter((file) => files.includes(file)) ?? [];
  return [...new Set([...inOrder, ...files])].join('<br>');
}
