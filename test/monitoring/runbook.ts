import { readFileSync } from 'node:fs';

export interface RunbookSection {
  readonly alert: string;
  readonly text: string;
  /** The queries that it says to ask. */
  readonly queries: readonly string[];
}

const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const [, runbook = ''] = operations.split(/^## Runbook$/m);

/** One section for each alert, under the last heading of docs/operations.md. */
export const RUNBOOK: readonly RunbookSection[] = runbook
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const [alert = '', ...lines] = section.split('\n');
    const text = lines.join('\n');
    const queries = [...text.matchAll(/```promql\n([\s\S]+?)```/g)].map(([, query = '']) => query.trim());
    return { alert, text, queries };
  });
