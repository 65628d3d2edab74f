import type { Table } from '../report.ts';

/** A table that reads well in a terminal and is Markdown at the same time. */
export function markdownTable(table: Table): string {
  const [heading = []] = table;
  const widths = heading.map((_, column) => Math.max(...table.map((row) => (row[column] ?? '').length), 3));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [line(heading), rule, ...table.slice(1).map(line)].join('\n');
}
