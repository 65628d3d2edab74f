import { crc32 } from 'node:zlib';
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel as GrafanaPanel,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, QueryEditorMode } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Panel, Query } from './panel.ts';

// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana's
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

const STAT_HEIGHT = 4;
const GRAPH_HEIGHT = 8;

/** The same for the same title, wherever it stands: links to a panel outlive its neighbours. */
export function stableId(title: string): number {
  return crc32(title) % 1_000_000;
}

export function panelBuilder(panel: Panel): Builder<GrafanaPanel> {
  return panel.as === 'stat' ? statBuilder(panel) : graphBuilder(panel);
}

/** What stands behind the `i` of a panel; its last line names the alerts. */
function descriptionOf({ shows, normal, otherwise, alerts = [] }: Panel): string {
  const runbook = alerts.length === 0 ? [] : [`Alerts: ${alerts.join(', ')} (docs/operations.md).`];
  return [shows, `Normal: ${normal}`, `Otherwise: ${otherwise}`, ...runbook].join('\n\n');
}

function statBuilder(panel: Panel): StatBuilder {
  const named = panel.queries.some(({ legend }) => legend.includes('{{'));
  const instant = panel.queries.every((query) => query.instant);
  return common(new StatBuilder(), panel)
    .height(panel.height ?? STAT_HEIGHT)
    .graphMode(instant ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .textMode(named ? BigValueTextMode.ValueAndName : BigValueTextMode.Auto)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function graphBuilder(panel: Panel): TimeSeriesBuilder {
  const stacked = panel.as === 'stacked';
  const builder = common(new TimeSeriesBuilder(), panel)
    .height(panel.height ?? GRAPH_HEIGHT)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(
      new VizTooltipOptionsBuilder()
        .mode(TooltipDisplayMode.Multi)
        .sort(SortOrder.Descending)
        .hideZeros(true),
    );
  if (stacked) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  if (panel.thresholds !== undefined) {
    builder.thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
  }
  return builder;
}

function common<B extends StatBuilder | TimeSeriesBuilder>(builder: B, panel: Panel): B {
  builder
    .id(stableId(panel.title))
    .title(panel.title)
    .description(descriptionOf(panel))
    .datasource(DATASOURCE)
    .span(panel.width)
    .unit(panel.unit)
    .targets(panel.queries.map(queryBuilder));
  if (panel.min !== 'auto') builder.min(panel.min ?? 0);
  if (panel.max !== undefined) builder.max(panel.max);
  if (panel.words !== undefined) {
    const options = Object.fromEntries(Object.entries(panel.words).map(([value, text]) => [value, { text }]));
    builder.mappings([{ type: MappingType.ValueToText, options }]);
  }
  for (const [name, fixedColor] of Object.entries(panel.colors ?? {})) {
    builder.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor } }]);
  }
  if (panel.thresholds !== undefined) {
    const [lowest, ...above] = panel.thresholds;
    builder.thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps([{ value: null, color: lowest }, ...above.map(([value, color]) => ({ value, color }))]),
    );
  }
  return builder;
}

function queryBuilder({ expr, legend, instant, exemplars = false }: Query, at: number): DataqueryBuilder {
  const query = new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + at))
    .datasource(DATASOURCE)
    .editorMode(QueryEditorMode.Code)
    .expr(expr)
    .legendFormat(legend)
    .exemplar(exemplars);
  return instant ? query.instant() : query.range();
}
