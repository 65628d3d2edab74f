import cors from 'cors';
import { HttpError } from '../errors.ts';
import { headersMadeBy } from './made-headers.ts';
import type { Handler } from './request-context.ts';
import { type HeaderList, respond } from './respond.ts';

const PREFLIGHT_MAX_AGE_SECONDS = 600;

/** The x-sideko-* ones are what Magic Hour's SDK adds to each request. */
const ALLOWED_HEADERS = [
  'Authorization',
  'DPoP',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'X-Request-Id',
  'traceparent',
  'X-Sideko-Sdk-Language',
  'X-Sideko-Runtime',
];

const EXPOSED_HEADERS = [
  'Age',
  'Cache-Status',
  'ETag',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/** The CORS headers of a response to an origin: none where none is named, or one that nobody allowed. */
export type CorsHeaders = (origin: string | undefined) => HeaderList;

const NONE: HeaderList = [];

/**
 * What each of the exact origins named is told, made once: it is the same for every request.
 *
 * @param withCookies whether their pages may send the cookie of a session
 */
export function createCorsHeaders(origins: readonly string[], withCookies: boolean): CorsHeaders {
  const addHeaders = corsFor(origins, withCookies);
  const byOrigin = new Map(origins.map((origin) => [origin, headersFor(origin, addHeaders)]));
  return (origin) => (origin === undefined ? undefined : byOrigin.get(origin)) ?? NONE;
}

/**
 * CORS for the exact origins named; any other gets no CORS header, and its preflight a 403. With none named there is
 * no CORS at all.
 */
export function crossOrigin(origins: readonly string[], withCookies: boolean): Handler {
  if (origins.length === 0) return (_req, _res, next) => next();
  const corsHeaders = createCorsHeaders(origins, withCookies);
  const answerPreflight = corsFor(origins, withCookies);
  return (req, res, next) => {
    const { origin } = req.headers;
    const preflight =
      req.method === 'OPTIONS' && origin !== undefined && 'access-control-request-method' in req.headers;
    if (!preflight) {
      res.locals.headers.push(...corsHeaders(origin));
      return next();
    }
    if (!origins.includes(origin)) return next(new HttpError('origin_not_allowed'));
    answerPreflight(req, res, () => respond(req, res, 204, []));
  };
}

function corsFor(origins: readonly string[], withCookies: boolean) {
  return cors({
    origin: [...origins],
    methods: withCookies ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'],
    credentials: withCookies,
    allowedHeaders: withCookies ? [...ALLOWED_HEADERS, 'X-CSRF'] : ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    preflightContinue: true,
  });
}

function headersFor(origin: string, addHeaders: ReturnType<typeof cors>): HeaderList {
  // All answers share a `Vary` that names the origin among others.
  return headersMadeBy(addHeaders, { origin })
    .filter(([name]) => name !== 'vary')
    .flat();
}
