import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, panelBuilder, stableId } from './grafana-panel.ts';
import { of, type Row } from './panel.ts';

/** A metric that this service alone has, so that only its jobs are offered. */
const MARK = 'upstream_circuit_open';
const STARTED = 'process_start_time_seconds';

/** The rows as Grafana loads them. Positions come from the panels' widths, ids from their titles. */
export function createDashboard(rows: readonly Row[]): Dashboard {
  const dashboard = new DashboardBuilder('Magic Hour BFF')
    .uid('magic-hour-bff')
    .description('Made from scripts/dashboard/ by `npm run dashboard`: change it there.')
    .tags(['magic-hour-bff'])
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([
      new DatasourceVariableBuilder('datasource')
        .label('Data source')
        .type('prometheus')
        .current({ text: 'Prometheus', value: 'prometheus' }),
      labelVariable('job', `label_values(${MARK}, job)`)
        .label('Job')
        .current({ text: 'magic-hour-bff', value: 'magic-hour-bff' }),
      labelVariable('instance', `label_values(${MARK}{job="$job"}, instance)`)
        .label('Replica')
        .multi(true)
        .includeAll(true)
        .allValue('.*')
        .current({ text: 'All', value: '$__all' }),
    ])
    .annotations([
      beginnings('Restarts', 'orange', of(STARTED), '{{instance}} started'),
      beginnings(
        'New versions',
        'blue',
        `min by (version) (${of(STARTED)} * on (job, instance) group_right () ${of('build_info')})`,
        'version {{version}}',
      ),
    ]);
  for (const { title, panels } of rows) {
    dashboard.withRow(new RowBuilder(title).id(stableId(`row ${title}`)));
    for (const panel of panels) dashboard.withPanel(panelBuilder(panel));
  }
  return dashboard.build();
}

function labelVariable(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc);
}

/** A mark at each moment that the query gives, in Unix seconds. */
function beginnings(
  name: string,
  color: string,
  seconds: string,
  titleFormat: string,
): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(color)
    .expr(`${seconds} * 1000`)
    .useValueForTime(true)
    .titleFormat(titleFormat);
}
