import { HttpError } from '../errors.ts';
import { countHeader } from './raw-headers.ts';
import type { AppRequest, Handler } from './request-context.ts';
import { isHost, NO_TARGET } from './request-target.ts';

type ParsedRequest = Pick<AppRequest, 'httpVersion' | 'method' | 'url' | 'headers' | 'rawHeaders'>;

/**
 * Refuses what Node's parser lets pass though it is not plain HTTP/1.0 or 1.1, or can be read in two ways; whatever follows
 * on the connection is not looked at any more.
 */
export function refuseMalformed(): Handler {
  return (req, res, next) => {
    const reason = malformation(req);
    if (reason !== undefined) {
      res.shouldKeepAlive = false;
      throw new HttpError('invalid_request', { reason });
    }
    // Node reads nothing that follows an upgrade, even where that was not taken up.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    next();
  };
}

/** Whether a request is as nearly all are: nothing about it needs another look, or ends its connection. */
export function isPlain(req: ParsedRequest): boolean {
  return malformation(req) === undefined && req.headers.upgrade === undefined;
}

function malformation({ httpVersion, method, url, headers, rawHeaders }: ParsedRequest): string | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'HTTP version';
  if (url === NO_TARGET) return 'request target';
  const { host, 'transfer-encoding': transferEncoding, 'content-length': contentLength = '0' } = headers;
  // RFC 9112, 3.2: one Host, which HTTP/1.0 may leave out.
  const hosts = countHeader(rawHeaders, 'host');
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return 'number of Host headers';
  if (host !== undefined && !isHost(host)) return 'Host';
  if (transferEncoding !== undefined && transferEncoding.toLowerCase() !== 'chunked')
    return 'transfer coding';
  // RFC 9110, 9.3.1: a body of GET has no meaning, and has been used to smuggle a request past whoever is in front.
  const hasBody = transferEncoding !== undefined || contentLength !== '0';
  if (hasBody && (method === 'GET' || method === 'HEAD')) return 'body where there is none to be';
  return undefined;
}
