import type { WrittenPanel } from '../written-dashboard.ts';
import { type Axis, axisOf } from './axis.ts';
import { colorOf, PALETTE } from './colors.ts';
import type { NamedSeries, Readings } from './readings.ts';

/** What uPlot is told of one graph; plain data, since it goes to another process. */
export interface Plot {
  readonly elementId: string;
  /** Unix seconds, and of each series its values then; what is stacked stands on what is below. */
  readonly data: ReadonlyArray<ReadonlyArray<number | null>>;
  readonly lines: ReadonlyArray<{ readonly color: string; readonly dashed: boolean }>;
  readonly stacked: boolean;
  readonly axis: Axis;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Moments to mark, in Unix seconds. */
  readonly marks: readonly number[];
  /** Without axes and grid. */
  readonly bare: boolean;
}

export interface Legend {
  readonly name: string;
  readonly color: string;
}

type Defaults = NonNullable<WrittenPanel['fieldConfig']>['defaults'];

/** One graph, and what stands below it. */
export function plotOf(
  panel: WrittenPanel,
  series: readonly NamedSeries[],
  { startSeconds, endSeconds, restarts }: Readings,
): { plot: Plot; legend: Legend[] } {
  const defaults = panel.fieldConfig?.defaults ?? { unit: 'none' };
  const stacked = defaults.custom?.stacking?.mode === 'normal';
  const shown = stacked ? withSomething(series) : series;
  const times = Array.from({ length: endSeconds - startSeconds + 1 }, (_, n) => startSeconds + n);
  const values = shown.map(({ points }) => {
    const at = new Map(points);
    return times.map((time) => at.get(time) ?? null);
  });
  const heights = stacked ? onEachOther(values) : values;
  const axis = axisFor(defaults, heights.flat());
  const limits = (defaults.thresholds?.steps ?? []).flatMap(({ value, color }, at, steps) => {
    if (value === null || value >= axis.max || value <= axis.min) return [];
    // Where low values are the bad ones, their color tells of the limit.
    const bad = color === 'green' ? steps[at - 1]?.color : color;
    return [{ value, color: colorOf(bad ?? color) }];
  });
  const legend = shown.map(({ name }, at) => ({
    name,
    color: fixedColor(panel, name) ?? PALETTE[at % PALETTE.length] ?? '',
  }));
  return {
    legend,
    plot: {
      elementId: `panel-${panel.id}`,
      data: [times, ...heights, ...limits.map(({ value }) => times.map(() => value))],
      lines: [
        ...legend.map(({ color }) => ({ color, dashed: false })),
        ...limits.map(({ color }) => ({ color, dashed: true })),
      ],
      stacked,
      axis,
      startSeconds,
      endSeconds,
      marks: restarts,
      bare: false,
    },
  };
}

/** What stands behind the value of a stat: its course, with no axes and in its color. */
export function sparklineOf(
  panel: WrittenPanel,
  series: NamedSeries,
  color: string,
  readings: Readings,
): Plot {
  const { plot } = plotOf(panel, [series], { ...readings, restarts: [] });
  return { ...plot, data: plot.data.slice(0, 2), lines: [{ color, dashed: false }], bare: true };
}

function fixedColor({ fieldConfig }: WrittenPanel, name: string): string | undefined {
  const override = fieldConfig?.overrides.find(({ matcher }) => matcher.options === name);
  const [color] = override?.properties ?? [];
  return color && colorOf(color.value.fixedColor);
}

/** Those that are not 0 all the time, unless all are: they would only fill the legend. */
function withSomething(series: readonly NamedSeries[]): readonly NamedSeries[] {
  const some = series.filter(({ points }) => points.some(([, value]) => value !== 0));
  return some.length > 0 ? some : series.slice(0, 1);
}

function onEachOther(values: ReadonlyArray<ReadonlyArray<number | null>>): number[][] {
  let below: readonly number[] = [];
  return values.map((row) => {
    const heights = row.map((value, at) => (value ?? 0) + (below[at] ?? 0));
    below = heights;
    return heights;
  });
}

function axisFor({ unit, min, max, mappings }: Defaults, values: ReadonlyArray<number | null>): Axis {
  const known = values.filter((value) => value !== null);
  const lowest = min ?? Math.min(...known);
  return axisOf(unit, [lowest, max ?? Math.max(...known, lowest)], mappings?.[0]?.options);
}
