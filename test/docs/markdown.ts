import { readFileSync } from 'node:fs';

export const ROOT = new URL('../../', import.meta.url);

export const textOf = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** A page without its fenced blocks, in which nothing is a link, a heading or a name of a file. */
export const prose = (page: string) => page.replaceAll(/^```[^\n]*\n[\s\S]*?^```$/gm, '');

/** The Mermaid diagrams under a heading, without its subsections. */
export function picturesUnder(page: string, heading: string): string[] {
  const section = sectionOf(page, heading);
  return [...section.matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)].map(([, picture = '']) => picture);
}

/** Names by which headings of a page can be linked to, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...prose(page).matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) => {
      const slug = heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
        .replaceAll(' ', '-');
      const before = seen.get(slug) ?? 0;
      seen.set(slug, before + 1);
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}

/** The lines of the shell blocks under a heading, without its subsections. */
export function commandsUnder(page: string, heading: string): string[] {
  const section = sectionOf(page, heading);
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.trimEnd().split('\n'),
  );
}

/** Up to the next heading; a `#` in a fenced block is none. */
function sectionOf(page: string, heading: string): string {
  const lines = page.split('\n');
  const begins = lines.indexOf(heading);
  if (begins === -1) throw new Error(`there is no ${heading}`);
  let fenced = false;
  const length = lines.slice(begins + 1).findIndex((line) => {
    if (line.startsWith('```')) fenced = !fenced;
    return !fenced && /^#{1,6} /.test(line);
  });
  return lines.slice(begins + 1, length === -1 ? undefined : begins + 1 + length).join('\n');
}
