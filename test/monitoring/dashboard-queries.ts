import { withoutVariables } from '../../scripts/dashboard/queries.ts';
import { readDashboard } from '../../scripts/dashboard/written-dashboard.ts';

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

/** What the dashboard's panels ask, with values in place of its variables. */
export function dashboardQueries(): PanelQuery[] {
  return readDashboard().panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      panel: title,
      expr: withoutVariables(expr, { job: 'magic-hour-bff', rateInterval: '10s' }),
    })),
  );
}
