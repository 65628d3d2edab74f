import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/** The headers that a middleware adds to every response, for those to whom it always adds the same: names and values. */
export function headersMadeBy(
  middleware: Middleware,
  request?: { readonly origin: string },
): Array<[string, string]> {
  const req = new IncomingMessage(new Socket());
  req.method = 'GET';
  Object.assign(req.headers, request);
  const res = new ServerResponse(req);
  middleware(req, res, (error) => {
    if (error !== undefined) throw error;
  });
  return res.getHeaderNames().map((name) => [name, String(res.getHeader(name))]);
}
