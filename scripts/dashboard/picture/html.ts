import { type Html, html } from '../../../src/status/html.ts';
import type { WrittenDashboard, WrittenPanel } from '../written-dashboard.ts';
import { colorOf } from './colors.ts';
import type { Legend } from './plot.ts';
import type { NamedSeries } from './readings.ts';
import { formatValue } from './units.ts';

export const WIDTH = 1600;
const COLUMNS = 24;
const UNIT_HEIGHT = 24;
const GAP = 8;
const TOP = 56;

/** The whole page but for its STYLE, with an empty element for each graph. */
export function pageOf(dashboard: WrittenDashboard, inside: (panel: WrittenPanel) => Html): Html {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  const boxes = dashboard.panels.map((panel) => boxOf(panel, inside(panel)));
  return html`<!doctype html><meta charset="utf-8">
<header><b>${dashboard.title}</b>${dashboard.templating.list.map(variable)}</header>
<main style="height:${TOP + bottom * (UNIT_HEIGHT + GAP)}px">${boxes}</main>`;
}

function variable({ label, current }: WrittenDashboard['templating']['list'][number]): Html {
  return html`<span class="variable"><i>${label}</i><b>${current.text}</b></span>`;
}

function boxOf({ title, type, gridPos: { x, y, w, h } }: WrittenPanel, inside: Html): Html {
  const column = (WIDTH - GAP) / COLUMNS;
  const place = [
    `left:${GAP + x * column}px`,
    `top:${TOP + y * (UNIT_HEIGHT + GAP)}px`,
    `width:${w * column - GAP}px`,
    `height:${h * (UNIT_HEIGHT + GAP) - GAP}px`,
  ].join(';');
  if (type === 'row') return html`<h2 style="${place}"><span>⌄</span>${title}</h2>`;
  return html`<section class="${type}" style="${place}"><h3>${title}</h3>${inside}</section>`;
}

export function graphHtml({ id }: WrittenPanel, legend: readonly Legend[]): Html {
  const entries = legend.map(({ name, color }) => html`<li><i style="background:${color}"></i>${name}</li>`);
  return html`<div class="plot" id="panel-${id}"></div><ul>${entries}</ul>`;
}

/** The last value of each series in the color of its threshold, and a place for its course. */
export function statHtml(panel: WrittenPanel, series: readonly NamedSeries[]): Html {
  const named = panel.options?.textMode === 'value_and_name';
  const values = series.map((each) => {
    const label = named ? html`<small>${each.name}</small>` : '';
    const text = formatValue(panel.fieldConfig?.defaults.unit ?? 'none', lastOf(each));
    return html`<p style="color:${statColor(panel, each)}">${label}${text}</p>`;
  });
  return html`${values}<div class="spark" id="panel-${panel.id}"></div>`;
}

/** By the last threshold that the value has reached. */
export function statColor({ fieldConfig }: WrittenPanel, series: NamedSeries): string {
  const steps = fieldConfig?.defaults.thresholds?.steps ?? [];
  const reached = steps.findLast(({ value }) => value === null || lastOf(series) >= value);
  return colorOf(reached?.color ?? 'green');
}

function lastOf({ points }: NamedSeries): number {
  return points.at(-1)?.[1] ?? 0;
}

export const STYLE = `
* { box-sizing: border-box; margin: 0; padding: 0; }
body { width: ${WIDTH}px; background: #111217; color: #ccccdc; font: 13px Inter, Helvetica, Arial, sans-serif; }
header { position: absolute; display: flex; gap: 12px; align-items: center; width: 100%; height: ${TOP - GAP}px; padding: 0 16px; background: #181b1f; border-bottom: 1px solid #2c2e36; }
header > b { margin-right: 20px; font-size: 16px; }
.variable { border: 1px solid #3a3c45; border-radius: 2px; background: #111217; }
.variable i, .variable b { display: inline-block; padding: 5px 9px; font-style: normal; font-weight: 500; }
.variable i { background: #22252b; color: #9a9aa8; }
main { position: relative; }
h2, section { position: absolute; overflow: hidden; }
h2 { display: flex; align-items: center; gap: 8px; padding-left: 6px; font-size: 15px; font-weight: 500; }
section { display: flex; flex-direction: column; border: 1px solid #24262d; border-radius: 3px; background: #181b1f; }
h3 { padding: 7px 10px 3px; font-size: 13px; font-weight: 500; white-space: nowrap; }
.plot { flex: 1; min-height: 0; }
ul { display: flex; flex-wrap: wrap; max-height: 42px; padding: 2px 10px 6px; overflow: hidden; list-style: none; font-size: 11.5px; color: #b6b6c4; }
li { margin-right: 12px; white-space: nowrap; }
li i { display: inline-block; width: 13px; height: 4px; margin: 0 5px 2px 0; border-radius: 2px; }
section.stat p { z-index: 1; }
.spark { position: absolute; inset: auto 0 0; height: 32%; opacity: 0.7; }
section.stat p { display: flex; flex: 1; flex-direction: column; align-items: center; justify-content: center; padding-bottom: 16px; font-size: 30px; font-weight: 500; white-space: nowrap; }
section.stat small { font-size: 13px; font-weight: 400; }
`;
