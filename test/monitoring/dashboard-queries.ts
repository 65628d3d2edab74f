import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

const FOLDER = new URL('../../config/grafana/dashboards/', import.meta.url);

const panel = z.object({
  title: z.string().default(''),
  targets: z.array(z.object({ expr: z.string() })).default([]),
  get panels() {
    return z.array(panel).default([]);
  },
});
type Panel = z.output<typeof panel>;

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

/** What the panels of all dashboards ask, with values in place of Grafana's variables and theirs. */
export function dashboardQueries(): PanelQuery[] {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.json')) : [];
  return files.flatMap((file) => {
    const dashboard: unknown = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
    return queriesOf(z.object({ panels: z.array(panel) }).parse(dashboard).panels);
  });
}

function queriesOf(panels: readonly Panel[]): PanelQuery[] {
  return panels.flatMap(({ title, targets, panels: inside }) => [
    ...targets.map(({ expr }) => ({ panel: title, expr: withValues(expr) })),
    ...queriesOf(inside),
  ]);
}

function withValues(expr: string): string {
  return expr
    .replaceAll(/\$\{?__(?:rate_)?interval\}?/g, '10s')
    .replaceAll(/\$\{?__range\}?/g, '1h')
    .replaceAll(/\$\{?job\}?/g, 'magic-hour-bff')
    .replaceAll(/\$\{?\w+\}?/g, '.*');
}
