import type { Express } from 'express';
import { newExpress } from './app.ts';
import { errorHandler } from './http/error-handler.ts';
import { methodNotAllowed, nameRoute, notFound } from './http/fallbacks.ts';
import { type HttpEvents, observe } from './http/observe.ts';
import { refuseMalformed } from './http/refuse-malformed.ts';
import { refuseWebPages } from './http/refuse-web-pages.ts';
import { requestContext } from './http/request-context.ts';
import { PAGE_SECURITY_HEADERS, securityHeaders } from './http/security-headers.ts';
import { type HealthCheck, serveLiveness, serveReadiness } from './http/serve-health.ts';
import { type RenderedMetrics, serveMetrics } from './http/serve-metrics.ts';
import { servePurge } from './http/serve-purge.ts';
import { serveStatus } from './http/serve-status.ts';
import { serveText } from './http/serve-text.ts';
import type { LeakGuard } from './leak-guard.ts';
import { KINDS, type Kind } from './lookup/project.ts';
import { PAGE_SCRIPT } from './status/page-script.ts';
import { PAGE_STYLE } from './status/page-style.ts';
import type { StatusReport } from './status/report.ts';

export interface OpsDependencies {
  readonly renderMetrics: (openMetrics: boolean) => Promise<RenderedMetrics>;
  readonly ready: () => boolean;
  readonly checks: readonly HealthCheck[];
  /** Removes a project from every tier and every replica. */
  readonly purge: (kind: Kind, id: string) => Promise<void>;
  readonly status: () => StatusReport;
  readonly events: HttpEvents;
  readonly leakGuard: LeakGuard;
}

/**
 * What machines and people on call ask. Nobody authenticates here: the listener is bound where only they can reach it,
 * and none of its routes stands on the public one. A test walks them all against this list.
 */
export const OPS_ROUTES = [
  '/',
  '/status.css',
  '/status.js',
  '/metrics',
  '/livez',
  '/readyz',
  ...KINDS.map((kind) => `/cache/${kind}-projects/:id`),
];

export function createOpsApp(deps: OpsDependencies): Express {
  const app = newExpress([]);
  app.use(
    requestContext(deps.leakGuard),
    observe(deps.events),
    securityHeaders(PAGE_SECURITY_HEADERS),
    refuseMalformed(),
  );

  const pages = [
    ['/', serveStatus(deps.status)],
    ['/status.css', serveText('text/css; charset=utf-8', () => PAGE_STYLE)],
    ['/status.js', serveText('text/javascript; charset=utf-8', () => PAGE_SCRIPT)],
    ['/metrics', serveMetrics(deps.renderMetrics)],
    ['/livez', serveLiveness()],
    ['/readyz', serveReadiness(deps.ready, deps.checks)],
  ] as const;
  for (const [path, serve] of pages) {
    app.route(path).all(nameRoute(path)).get(serve).all(methodNotAllowed('GET', 'HEAD'));
  }

  for (const kind of KINDS) {
    app
      .route(`/cache/${kind}-projects/:id`)
      .all(nameRoute(`/cache/${kind}-projects/{id}`))
      .delete(refuseWebPages(), servePurge(kind, deps.purge))
      .all(methodNotAllowed('DELETE'));
  }

  app.use(notFound());
  app.use(errorHandler('magic-hour-bff-ops'));
  return app;
}
