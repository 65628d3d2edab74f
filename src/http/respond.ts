import type { AppRequest, AppResponse } from './request-context.ts';

/** Names and values in turn, as `writeHead` takes them. */
export type HeaderList = readonly string[];

export const NO_STORE: HeaderList = ['Cache-Control', 'no-store'];
export const UNSTORED_JSON: HeaderList = [...NO_STORE, 'Content-Type', 'application/json'];

/**
 * Sends a response: the headers gathered on the way, these, and the body, in one write. Headers are gathered in a list
 * and not set one by one, since Node checks, folds and stores each that is set (a tenth of a hot lookup's time).
 *
 * @param body a string holds one byte in each character (`latin1`)
 * @throws HttpError where the company's key would go out with it; nothing has been sent then
 */
export function respond(
  req: Pick<AppRequest, 'method'>,
  res: AppResponse,
  status: number,
  headers: HeaderList,
  body?: string | Buffer,
): void {
  const { leakGuard, gate } = res.locals;
  // Together, since each look also asks for the keys of the moment.
  leakGuard.inspect(headers.join('\n'));
  if (body !== undefined) leakGuard.inspect(body);
  // Asked now and not when the request came: on a connection that seems to stay, the next request is soon on its way.
  if (gate?.lastResponses) res.locals.headers.push('Connection', 'close');
  send(req, res, status, [...res.locals.headers, ...headers], body);
}

/**
 * Sends the head of a response whose body comes bit by bit. Whoever writes that has it inspected.
 *
 * @throws HttpError where the company's key would go out with it
 */
export function writeHead(res: AppResponse, status: number, headers: HeaderList): void {
  const { leakGuard, gate } = res.locals;
  leakGuard.inspect(headers.join('\n'));
  if (gate?.lastResponses) res.locals.headers.push('Connection', 'close');
  res.writeHead(status, [...res.locals.headers, ...headers]);
}

/** Sends what was inspected. */
export function send(
  { method }: Pick<AppRequest, 'method'>,
  res: AppResponse,
  status: number,
  headers: string[],
  body?: string | Buffer,
): void {
  if (body !== undefined) headers.push('Content-Length', String(body.length));
  res.writeHead(status, headers);
  if (body === undefined || method === 'HEAD') res.end();
  else if (typeof body === 'string') res.end(body, 'latin1');
  else res.end(body);
}
