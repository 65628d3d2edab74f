import { formatDuration, formatMoment } from './format.ts';
import { type Html, html, toMarkup } from './html.ts';
import { checks, dependencies, thisProcess } from './page-facts.ts';
import { trafficTable } from './page-traffic.ts';
import type { CheckReport, StatusReport } from './report.ts';

const RELOAD_SECONDS = 10;

/**
 * The whole page. It reads well without its style sheet and without its script: both are files beside it, and without
 * the script the browser loads it again by itself. Addresses are relative, since a proxy may put the page below a path.
 */
export function renderPage(report: StatusReport): string {
  const state = stateOf(report);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${state} – magic-hour-bff</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="status.css">
<noscript><meta http-equiv="refresh" content="${RELOAD_SECONDS}"></noscript>
<script src="status.js" defer></script>
</head>
<body>
<header data-fresh>
<h1>magic-hour-bff</h1>
<p role="status" class="state ${state}">${sentenceOf(report)}</p>
<p class="build">Version ${report.version}, Node ${report.nodeVersion}, up ${formatDuration(report.atMs - report.startedAtMs)}
(started ${time(report.startedAtMs)})</p>
<p class="as-of">As of ${time(report.atMs)}</p>
</header>
<p id="live" role="status"><noscript>Loaded again every ${RELOAD_SECONDS} seconds.</noscript></p>
<main data-fresh>
<div class="cards">
${dependencies(report)}
${thisProcess(report)}
${checks(report)}
</div>
${trafficTable(report)}
</main>
<nav aria-label="For machines">
<a href="metrics">Metrics</a>
<a href="readyz">Readiness</a>
<a href="livez">Liveness</a>
</nav>
</body>
</html>
`;
  return toMarkup(page);
}

function stateOf({ ready, checks }: StatusReport): 'ready' | 'degraded' | 'unready' {
  if (!ready) return 'unready';
  return checks.some(({ status }) => status === 'degraded') ? 'degraded' : 'ready';
}

function sentenceOf(report: StatusReport): string {
  const named = (wanted: CheckReport['status']) =>
    report.checks
      .filter(({ status }) => status === wanted)
      .map(({ name }) => name)
      .join(', ');
  switch (stateOf(report)) {
    case 'ready':
      return 'Ready';
    case 'degraded':
      return `Ready, but degraded: ${named('degraded')}`;
    case 'unready':
      return `Not ready: ${named('failed') || 'it takes no requests'}`;
  }
}

function time(atMs: number): Html {
  return html`<time datetime="${new Date(atMs).toISOString()}">${formatMoment(atMs)}</time>`;
}
