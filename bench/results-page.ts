import type { Section } from './part.ts';
import { goalTable } from './report.ts';
import { markdownTable } from './support/table.ts';

const MACHINE = 'Machine';

export type Facts = ReadonlyArray<readonly [name: string, value: string]>;

/** A section's whole Markdown, from its heading on, without a blank line at its end. */
export interface PageSection {
  readonly heading: string;
  readonly markdown: string;
}

/** @param measured when and on what, in a line */
export function pageSection(heading: string, { goals, text }: Section, measured: string): PageSection {
  const goalsText = goals.length === 0 ? '' : `${markdownTable(goalTable(goals))}\n\n`;
  return { heading, markdown: `## ${heading}\n\n*${measured}*\n\n${goalsText}${text.trim()}` };
}

/** What the last run found here, whichever parts it was of. */
export function machineSection(facts: Facts): PageSection {
  return { heading: MACHINE, markdown: `## ${MACHINE}\n\n${markdownTable([['fact', 'value'], ...facts])}` };
}

/** The page that is kept in the repository. */
export function resultsPage(sections: readonly PageSection[]): string {
  const intro = `# Benchmark results

Written by \`npm run bench\`; don't edit. What is measured has core 0 for itself; the load, Redis, the upstream and the
issuer share core 1.`;
  return `${[intro, ...sections.map(({ markdown }) => markdown)].join('\n\n')}\n`;
}

/** The page with these sections in place of those of the same headings; new ones come before the machine's. */
export function withSections(page: string, sections: readonly PageSection[]): string {
  const kept = page
    .split(/^(?=## )/m)
    .slice(1)
    .map((markdown) => ({ heading: /^## (.*)$/m.exec(markdown)?.[1] ?? '', markdown: markdown.trim() }));
  const replaced = kept.map(
    (section) => sections.find(({ heading }) => heading === section.heading) ?? section,
  );
  const added = sections.filter(({ heading }) => !kept.some((section) => section.heading === heading));
  const machine = replaced.findIndex(({ heading }) => heading === MACHINE);
  return resultsPage(replaced.toSpliced(machine === -1 ? replaced.length : machine, 0, ...added));
}
