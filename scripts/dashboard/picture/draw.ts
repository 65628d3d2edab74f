import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { html, toMarkup } from '../../../src/status/html.ts';
import { startBrowser } from '../../../test/support/browser.ts';
import type { WrittenDashboard } from '../written-dashboard.ts';
import { graphHtml, pageOf, STYLE, statColor, statHtml, WIDTH } from './html.ts';
import { type Plot, plotOf, sparklineOf } from './plot.ts';
import type { Readings } from './readings.ts';

const { resolve } = createRequire(import.meta.url);
const UPLOT = resolve('uplot/dist/uPlot.iife.min.js');
const UPLOT_STYLE = resolve('uplot/dist/uPlot.min.css');
const PAGE_SCRIPT = new URL('page.js', import.meta.url);

/** A PNG of the dashboard, as it would look with these readings. */
export async function drawPicture(dashboard: WrittenDashboard, readings: Readings): Promise<Buffer> {
  const plots: Plot[] = [];
  const markup = pageOf(dashboard, (panel) => {
    const series = readings.series[panel.id] ?? [];
    if (panel.type === 'stat') {
      const [first] = series;
      if (first !== undefined && series.length === 1 && first.points.length > 1) {
        plots.push(sparklineOf(panel, first, statColor(panel, first), readings));
      }
      return statHtml(panel, series);
    }
    if (panel.type === 'row') return html``;
    const { plot, legend } = plotOf(panel, series, readings);
    plots.push(plot);
    return graphHtml(panel, legend);
  });

  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 1000 } });
    const faults: Error[] = [];
    page.on('pageerror', (error) => faults.push(error));
    await page.setContent(toMarkup(markup));
    await page.addStyleTag({ content: STYLE });
    await page.addStyleTag({ path: UPLOT_STYLE });
    await page.addScriptTag({ path: UPLOT });
    await page.addScriptTag({ content: readFileSync(PAGE_SCRIPT, 'utf8') });
    await page.evaluate(`${JSON.stringify(plots)}.forEach(drawPlot)`);
    // uPlot draws in a microtask of its own.
    await page.evaluate('new Promise(requestAnimationFrame)');
    if (faults.length > 0) throw new AggregateError(faults, 'the page failed');
    return await page.screenshot({ fullPage: true });
  } finally {
    await browser.close();
  }
}
