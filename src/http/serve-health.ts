import type { Handler } from './request-context.ts';

/** One thing that readiness tells of. A degraded one is worth a look and doesn't take the replica out of service. */
export interface HealthCheck {
  readonly name: string;
  run(): { readonly status: 'ok' | 'degraded' | 'failed'; readonly detail?: string };
}

/** The process answers; whatever it depends on is no reason to restart it. */
export function serveLiveness(): Handler {
  const body = `${JSON.stringify({ status: 'alive' })}\n`;
  return (_req, res) => {
    res.setHeader('Cache-Control', 'no-store');
    res.type('application/json').send(body);
  };
}

/** Whether load balancers should send requests: 200 or 503, and one line for each check. */
export function serveReadiness(ready: () => boolean, checks: readonly HealthCheck[]): Handler {
  return (_req, res) => {
    const results = checks.map(({ name, run }) => ({ name, ...run() }));
    const isReady = ready() && results.every(({ status }) => status !== 'failed');
    const lines = results.map((result) => `    ${JSON.stringify(result)}`).join(',\n');
    res.setHeader('Cache-Control', 'no-store');
    res
      .status(isReady ? 200 : 503)
      .type('application/json')
      .send(`{\n  "status": "${isReady ? 'ready' : 'unready'}",\n  "checks": [\n${lines}\n  ]\n}\n`);
  };
}
