import { renderPage } from '../status/page.ts';
import type { StatusReport } from '../status/report.ts';
import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

const HEADERS = ['Cache-Control', 'no-store', 'Content-Type', 'text/html; charset=utf-8'];

/** A page for people. It is 200 whatever it tells of: only probes go by a status. */
export function serveStatus(report: () => StatusReport): Handler {
  return (req, res) => respond(req, res, 200, HEADERS, Buffer.from(renderPage(report())));
}
