import { expect, test } from 'vitest';
import { readVariables } from '../../src/config.ts';
import { unknownSettings } from '../../src/unknown-settings.ts';

test.each(['RATE_LIMIT_MX', 'CORS_ORIGIN', 'REDIS_URL_FILE', 'MAGIC_HOUR_KEY', 'UPSTREAM_RETRY', 'OPS_PROT'])(
  '%s looks like a setting and is none',
  (name) => {
    expect(unknownSettings({ [name]: 'x' })).toEqual([name]);
  },
);

test('all of them are named, in order', () => {
  expect(unknownSettings({ LOG_LEVL: 'x', CACHE_TTL: 'x', PATH: 'x' })).toEqual(['CACHE_TTL', 'LOG_LEVL']);
});

test('no setting of ours is unknown', () => {
  const names = Object.values(readVariables()).flatMap((group) => Object.values(group));
  expect(unknownSettings(Object.fromEntries(names.map((name) => [name, 'x'])))).toEqual([]);
});

test.each([
  ['of the system', { PATH: '/bin', HOME: '/', HOSTNAME: 'a', NODE_OPTIONS: 'x', HOST_IP: '10.0.0.1' }],
  [
    'of what is still to come',
    { WEBHOOK_SECRET: 'x', EVENTS_MAX_STREAMS_PER_USER: '1', SESSION_CLIENT_ID: 'x' },
  ],
  ['that is empty', { RATE_LIMIT_MX: '' }],
  ['of a standard', { OTEL_RESOURCE_ATTRIBUTES: 'a=b' }],
  [
    'that Kubernetes sets for a service of such a name',
    {
      REDIS_SERVICE_HOST: '10.0.0.1',
      REDIS_SERVICE_PORT: '6379',
      REDIS_SERVICE_PORT_REDIS: '6379',
      REDIS_PORT: 'tcp://10.0.0.1:6379',
      REDIS_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
      REDIS_PORT_6379_TCP_PROTO: 'tcp',
      MAGIC_HOUR_BFF_PORT: 'tcp://10.0.0.2:8080',
      MAGIC_HOUR_BFF_PORT_8080_TCP_ADDR: '10.0.0.2',
    },
  ],
  ['that is no name to repeat', { 'LOG_mhk-secret': 'x', [`LOG_${'X'.repeat(100)}`]: 'x' }],
])('nothing is said of one %s', (_what, environment) => {
  expect(unknownSettings(environment)).toEqual([]);
});
