import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

const JSON_HEADERS = ['Cache-Control', 'no-store', 'Content-Type', 'application/json'];

/** One thing that readiness tells of. A degraded one is worth a look and doesn't take the replica out of service. */
export interface HealthCheck {
  readonly name: string;
  run(): { readonly status: 'ok' | 'degraded' | 'failed'; readonly detail?: string };
}

/** The process answers; whatever it depends on is no reason to restart it. */
export function serveLiveness(): Handler {
  const body = `${JSON.stringify({ status: 'alive' })}\n`;
  return (req, res) => respond(req, res, 200, JSON_HEADERS, body);
}

/** Whether load balancers should send requests: 200 or 503, and one line for each check. */
export function serveReadiness(ready: () => boolean, checks: readonly HealthCheck[]): Handler {
  return (req, res) => {
    const results = checks.map(({ name, run }) => ({ name, ...run() }));
    const isReady = ready() && results.every(({ status }) => status !== 'failed');
    const lines = results.map((result) => `    ${JSON.stringify(result)}`).join(',\n');
    const body = `{\n  "status": "${isReady ? 'ready' : 'unready'}",\n  "checks": [\n${lines}\n  ]\n}\n`;
    respond(req, res, isReady ? 200 : 503, JSON_HEADERS, body);
  };
}
