import cors from 'cors';
import { HttpError } from '../errors.ts';
import type { Handler } from './request-context.ts';
import { respond } from './respond.ts';

const PREFLIGHT_MAX_AGE_SECONDS = 600;

/** The x-sideko-* ones are what Magic Hour's SDK adds to each request. */
const ALLOWED_HEADERS = [
  'Authorization',
  'If-None-Match',
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
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/**
 * CORS for the exact origins named; any other gets no CORS header, and its preflight a 403. With none named there is
 * no CORS at all.
 */
export function crossOrigin(origins: readonly string[]): Handler {
  if (origins.length === 0) return (_req, _res, next) => next();
  const allowed = new Set(origins);
  const addHeaders = cors({
    origin: [...origins],
    methods: ['GET', 'HEAD'],
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
    preflightContinue: true,
  });
  return (req, res, next) => {
    const { origin } = req.headers;
    const preflight =
      req.method === 'OPTIONS' && origin !== undefined && 'access-control-request-method' in req.headers;
    if (origin === undefined || !allowed.has(origin)) {
      return next(preflight ? new HttpError('origin_not_allowed') : undefined);
    }
    addHeaders(req, res, () => (preflight ? respond(req, res, 204, []) : next()));
  };
}
