import { withoutVariables } from '../../scripts/dashboard/queries.ts';
import { readDashboards } from '../../scripts/dashboard/written-dashboard.ts';

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

/** What the panels of all dashboards ask, with values in place of their variables. */
export function dashboardQueries(): PanelQuery[] {
  return readDashboards()
    .flatMap(({ panels }) => panels)
    .flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({
        panel: title,
        expr: withoutVariables(expr, { job: 'magic-hour-bff', rateInterval: '10s' }),
      })),
    );
}
