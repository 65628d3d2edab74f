import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createContractClient, type ReceivedResponse, validateResponse } from './contract-client.ts';

const COMMON = {
  'content-type': 'application/json; charset=utf-8',
  'x-request-id': 'r-1',
  vary: 'Origin, Authorization, Cookie',
  'content-security-policy': "default-src 'self';base-uri 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  date: 'Thu, 15 Jan 2026 09:30:00 GMT',
  connection: 'keep-alive',
};
const ERROR = { ...COMMON, 'cache-control': 'no-store' };
const HIT = {
  ...COMMON,
  'cache-status': 'magic-hour-bff; hit; ttl=3412; detail=memory',
  age: '12',
  'cache-control': 'private, max-age=3412',
  etag: '"abc_-1"',
  ratelimit: '"ip"; r=5991; t=42, "user"; r=597; t=42',
  'ratelimit-policy': '"ip"; q=6000; w=60; pk=:MTJj:, "user"; q=600; w=60; pk=:ZjBl:',
};
const { age: _, ...withoutAge } = HIT;
const MISS = {
  ...withoutAge,
  'cache-status': 'magic-hour-bff; fwd=uri-miss; fwd-status=200; stored; ttl=60',
};

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const COMPLETE = json({ id: 'p1', status: 'complete', downloads: [], something_new: 1 });
const QUEUED = json({ id: 'p1', status: 'queued' });
const NOT_FOUND = { message: 'Not Found', code: 'not_found', request_id: 'r-1' };

const lookup = (parts: Partial<ReceivedResponse>): ReceivedResponse => ({
  listener: 'public',
  method: 'GET',
  path: '/v1/image-projects/p1?min_valid=60',
  status: 200,
  headers: HIT,
  body: COMPLETE,
  ...parts,
});
const without = (headers: Record<string, string>, name: string) =>
  Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name));

const RIGHT: Record<string, Partial<ReceivedResponse>> = {
  'a hit': {},
  'a miss': { headers: MISS },
  'a HEAD': { method: 'HEAD', body: Buffer.alloc(0) },
  'a 304': { status: 304, headers: without(HIT, 'content-type'), body: Buffer.alloc(0) },
  'a project that is not over': {
    headers: { ...HIT, 'cache-control': 'private, no-cache', 'retry-after': '1' },
    body: QUEUED,
  },
  'a 404': { status: 404, headers: ERROR, body: json(NOT_FOUND) },
  'an unknown route': { path: '/nowhere', status: 404, headers: ERROR, body: json(NOT_FOUND) },
  'a method that is not allowed': {
    method: 'POST',
    status: 405,
    headers: { ...ERROR, allow: 'GET, HEAD' },
    body: json({ message: 'Method Not Allowed', code: 'method_not_allowed', request_id: 'r-1' }),
  },
  'a 401': {
    status: 401,
    headers: { ...ERROR, 'www-authenticate': 'Bearer error="invalid_token", error_description="expired"' },
    body: json({ message: 'Unauthorized', code: 'token_expired', request_id: 'r-1' }),
  },
  'a purge': {
    listener: 'ops',
    method: 'DELETE',
    path: '/cache/video-projects/p1',
    status: 204,
    headers: without(COMMON, 'content-type'),
    body: Buffer.alloc(0),
  },
  metrics: {
    listener: 'ops',
    path: '/metrics',
    headers: { ...ERROR, 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
    body: Buffer.from('# HELP a b\n'),
  },
};

const WRONG: Record<string, [string, Partial<ReceivedResponse>]> = {
  'an undocumented status': ['status 418 is not documented', { status: 418 }],
  'a 200 on an unknown route': ['status 200 is not documented', { path: '/nowhere' }],
  'an ops route on the public listener': ['status 200 is not documented', { path: '/metrics' }],
  'a purge of a kind that does not exist': [
    'status 204 is not documented',
    { listener: 'ops', method: 'DELETE', path: '/cache/text-projects/p1', status: 204 },
  ],
  'a missing header': ['header ETag is missing', { headers: without(HIT, 'etag') }],
  'an unknown header': [
    'header x-powered-by is not documented',
    { headers: { ...HIT, 'x-powered-by': 'E' } },
  ],
  'a weak ETag': ['header ETag: W/"a"', { headers: { ...HIT, etag: 'W/"a"' } }],
  'another content type': ['content-type is text/html', { headers: { ...HIT, 'content-type': 'text/html' } }],
  'a HEAD with a body': ['where there is none to be', { method: 'HEAD' }],
  'a body that is no project': ["body: must have required property 'status'", { body: json({ id: 'p1' }) }],
  'a body that is not JSON': ['body is not JSON', { body: Buffer.from('{') }],
  'a hit without Age': ['rule: Age comes with a hit', { headers: withoutAge }],
  'a miss with Age': ['rule: Age comes with a hit', { headers: { ...MISS, age: '0' } }],
  'Retry-After on a finished project': ['rule: Retry-After', { headers: { ...HIT, 'retry-after': '1' } }],
  'max-age on a project that is not over': ['rule: a terminal project', { body: QUEUED }],
  'another message on a 404': [
    'body: /message must be equal to constant',
    { status: 404, headers: ERROR, body: json({ ...NOT_FOUND, message: 'No such project' }) },
  ],
  'an extra property on an error': [
    'must NOT have additional properties {"additionalProperty":"stack"}',
    { status: 404, headers: ERROR, body: json({ ...NOT_FOUND, stack: '…' }) },
  ],
  "another status's code": [
    'body: /code',
    { status: 404, headers: ERROR, body: json({ ...NOT_FOUND, code: 'internal_error' }) },
  ],
  'a request_id that is not in X-Request-Id': [
    'request_id is r-2, X-Request-Id r-1',
    { status: 404, headers: ERROR, body: json({ ...NOT_FOUND, request_id: 'r-2' }) },
  ],
  'a 401 without a challenge': [
    'header WWW-Authenticate is missing',
    {
      status: 401,
      headers: ERROR,
      body: json({ message: 'Unauthorized', code: 'token_missing', request_id: 'r-1' }),
    },
  ],
};

describe('validateResponse', () => {
  test.each(Object.entries(RIGHT))('accepts %s', (_name, parts) => {
    expect(() => validateResponse(lookup(parts))).not.toThrow();
  });

  test.each(Object.entries(WRONG))('refuses %s', (_name, [fault, parts]) => {
    expect(() => validateResponse(lookup(parts))).toThrow(fault);
  });

  test.each([
    'magic-hour-bff; hit; ttl=-1; detail=memory',
    'magic-hour-bff; hit; ttl=60',
    'magic-hour-bff;hit;ttl=60;detail=redis',
    'magic-hour-bff; fwd=miss',
    'magic-hour-bff; fwd=uri-miss; collapsed; stored; ttl=60',
    'other; fwd=stale',
  ])('refuses the Cache-Status %s', (value) => {
    expect(() => validateResponse(lookup({ headers: { ...MISS, 'cache-status': value } }))).toThrow(
      'header Cache-Status',
    );
  });

  test('lists all faults at once', () => {
    const headers = { ...without(HIT, 'etag'), 'x-powered-by': 'Express' };
    expect(() => validateResponse(lookup({ headers }))).toThrow(/x-powered-by.*\n.*ETag is missing/);
  });
});

test('the client hands over what it received, once it is right', async () => {
  await using server = createServer((request, response) => {
    const right = request.headers.authorization === 'Bearer t';
    response.writeHead(right ? 200 : 302, right ? HIT : { location: '/' }).end(COMPLETE);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const client = createContractClient(`http://127.0.0.1:${address.port}`, 'public');

  const response = await client.request('/v1/image-projects/p1', { headers: { authorization: 'Bearer t' } });
  expect(response.status).toBe(200);
  expect(response.headers.get('age')).toBe('12');
  expect(response.body).toEqual(COMPLETE);
  expect(response.json()).toMatchObject({ id: 'p1' });
  await expect(client.request('/v1/image-projects/p1')).rejects.toThrow('status 302 is not documented');
  server.closeAllConnections();
});
