import type { Handler } from './request-context.ts';
import { respond, UNSTORED_JSON } from './respond.ts';

/** One thing that readiness tells of. A degraded one is worth a look and doesn't take the replica out of service. */
export interface HealthCheck {
  readonly name: string;
  run(): CheckResult;
}

export interface CheckResult {
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly detail?: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: ReadonlyArray<CheckResult & { readonly name: string }>;
}

export function readinessOf(ready: () => boolean, checks: readonly HealthCheck[]): Readiness {
  const results = checks.map(({ name, run }) => ({ name, ...run() }));
  return { ready: ready() && results.every(({ status }) => status !== 'failed'), checks: results };
}

/** The process answers; whatever it depends on is no reason to restart it. */
export function serveLiveness(): Handler {
  const body = `${JSON.stringify({ status: 'alive' })}\n`;
  return (req, res) => respond(req, res, 200, UNSTORED_JSON, body);
}

/** Whether load balancers should send requests: 200 or 503, and one line for each check. */
export function serveReadiness(ready: () => boolean, checks: readonly HealthCheck[]): Handler {
  return (req, res) => {
    const readiness = readinessOf(ready, checks);
    const lines = readiness.checks.map((result) => `    ${JSON.stringify(result)}`).join(',\n');
    const body = `{\n  "status": "${readiness.ready ? 'ready' : 'unready'}",\n  "checks": [\n${lines}\n  ]\n}\n`;
    respond(req, res, readiness.ready ? 200 : 503, UNSTORED_JSON, body);
  };
}
