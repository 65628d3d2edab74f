import { readFileSync } from 'node:fs';

export const ROOT = new URL('../../', import.meta.url);

export const textOf = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** A page without its fenced blocks, in which nothing is a link, a heading or a name of a file. */
export const prose = (page: string) => page.replaceAll(/^```[^\n]*\n[\s\S]*?^```$/gm, '');

/** The Mermaid diagrams under a heading, without its subsections. */
export function picturesUnder(page: string, heading: string): string[] {
  const section = page.split(/^(?=#{1,6} )/m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
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
