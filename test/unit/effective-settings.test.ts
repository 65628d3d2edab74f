import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Environment } from '../../src/config.ts';
import { effectiveSettings } from '../../src/effective-settings.ts';
import { readSettings } from '../../src/settings.ts';

const REQUIRED = { MAGIC_HOUR_API_KEY: 'mhk_live_1', AUTH_ISSUER: 'https://i.example', AUTH_AUDIENCE: 'bff' };
const folder = mkdtempSync(join(tmpdir(), 'effective-'));
const keyFile = join(folder, 'key');
writeFileSync(keyFile, 'mhk_in_a_file\n');
afterAll(() => rmSync(folder, { recursive: true }));

function shown(variable: string, environment: Environment): string {
  const setting = effectiveSettings({ ...REQUIRED, ...environment }).find(
    (each) => each.variable === variable,
  );
  return `${setting?.value} ${setting?.origin}`;
}

describe('an effective setting', () => {
  test.each<[string, string, Environment, string]>([
    ['by default', 'RATE_LIMIT_MAX', {}, '600 default'],
    ['that is not set', 'AUTH_JWKS_URL', {}, '<not set> default'],
    ['by the environment', 'RATE_LIMIT_MAX', { RATE_LIMIT_MAX: '7' }, '7 environment'],
    ['that is empty', 'RATE_LIMIT_MAX', { RATE_LIMIT_MAX: '' }, '600 default'],
    ['in one line', 'AUTH_AUDIENCE', { AUTH_AUDIENCE: 'a\nb' }, '"a\\nb" environment'],
    ['that is secret', 'MAGIC_HOUR_API_KEY', {}, '<set> environment'],
    [
      'that is secret and in a file',
      'MAGIC_HOUR_API_KEY',
      { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: keyFile },
      `<set> file ${keyFile}`,
    ],
    [
      'whose file is not there',
      'MAGIC_HOUR_API_KEY',
      { MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: 'mhk_key_in_the_wrong_place' },
      '<faulty> file',
    ],
    ['with a fault', 'PORT', { PORT: 'mhk_key_in_the_wrong_place' }, '<faulty> environment'],
    ['that repeats a secret', 'AUTH_AUDIENCE', { AUTH_AUDIENCE: 'x-mhk_live_1' }, '<masked> environment'],
    [
      "that repeats a secret's password",
      'AUTH_AUDIENCE',
      { AUTH_AUDIENCE: 'p@ss', REDIS_URL: 'redis://:p%40ss@r' },
      '<masked> environment',
    ],
    [
      'that repeats a secret percent-encoded',
      'AUTH_AUDIENCE',
      { AUTH_AUDIENCE: 'p%40ss%2Fword', MAGIC_HOUR_API_KEY: 'p@ss/word' },
      '<masked> environment',
    ],
    [
      'that repeats the secret of a file',
      'AUTH_AUDIENCE',
      { AUTH_AUDIENCE: 'mhk_in_a_file', MAGIC_HOUR_API_KEY: '', MAGIC_HOUR_API_KEY_FILE: keyFile },
      '<masked> environment',
    ],
    [
      "that repeats a password without a user's name",
      'AUTH_AUDIENCE',
      { AUTH_AUDIENCE: 'hunter2', REDIS_URL: 'redis://hunter2@r' },
      '<masked> environment',
    ],
    [
      'that repeats a password in a query',
      'AUTH_AUDIENCE',
      { AUTH_AUDIENCE: 'hunter2', REDIS_URL: 'redis://r?password=hunter2' },
      '<masked> environment',
    ],
    [
      "that repeats the collector's token",
      'OTEL_RESOURCE_ATTRIBUTES',
      {
        OTEL_RESOURCE_ATTRIBUTES: 'a=b,token=hunter2',
        OTEL_EXPORTER_OTLP_HEADERS: 'x=y,authorization=Bearer%20hunter2',
      },
      '<masked> environment',
    ],
    [
      'that is secret and repeats another one',
      'REDIS_URL',
      { REDIS_URL: 'redis://mhk_live_1' },
      '<masked> environment',
    ],
    [
      'with a query',
      'AUTH_JWKS_URL',
      { AUTH_JWKS_URL: 'https://h/k?token=a' },
      'https://h/k?<masked> environment',
    ],
    [
      'with user info inside a list',
      'OTEL_RESOURCE_ATTRIBUTES',
      { OTEL_RESOURCE_ATTRIBUTES: 'a=https://u:p@h/k,b=c@d' },
      'a=https://<masked>@h/k,b=c@d environment',
    ],
    [
      'with a query inside a list',
      'AUTH_ISSUERS',
      { AUTH_ISSUERS: '[{"issuer":"https://j.example","jwksUrl":"https://h/k?token=a"}]' },
      '[{"issuer":"https://j.example","jwksUrl":"https://h/k?<masked>"}] environment',
    ],
    [
      'with a fault inside a list',
      'AUTH_ISSUERS',
      { AUTH_ISSUERS: '[{"issuer":"a"}]' },
      '<faulty> environment',
    ],
    ['with user info', 'AUTH_JWKS_URL', { AUTH_JWKS_URL: 'https://u:p@h/k' }, '<faulty> environment'],
  ])('%s is told with where it is from (%s)', (_what, variable, environment, expected) => {
    expect(shown(variable, environment)).toBe(expected);
  });

  test.each([
    ['redis://redis.example', 'redis://redis.example'],
    ['redis://redis.example:6379/2', 'redis://redis.example:6379/2'],
    ['rediss://user:hunter2@redis.example:6380', 'rediss://<masked>@redis.example:6380'],
    ['redis://hunter2@redis.example', 'redis://<masked>@redis.example'],
    ['redis://redis.example?password=hunter2', 'redis://redis.example?<masked>'],
    // Not encoded, so that a part of the password stands where host or path do.
    ['redis://hun#ter2@redis.example', '<set>'],
    ['redis://hun/ter2@redis.example', '<set>'],
    ['redis://hun?ter2@redis.example', '<set>'],
    ['redis:hunter2', '<set>'],
  ])('REDIS_URL %s is told as %s', (url, expected) => {
    expect(shown('REDIS_URL', { REDIS_URL: url })).toBe(`${expected} environment`);
  });
});

describe('which settings are secret', () => {
  const settings = readSettings();
  const secret = settings.filter((setting) => setting.secret).map(({ variable }) => variable);

  test('their comments say', () => {
    expect(secret).toEqual(
      expect.arrayContaining(['MAGIC_HOUR_API_KEY', 'MAGIC_HOUR_API_KEY_NEXT', 'REDIS_URL']),
    );
  });

  test('is forgotten of none that is called so', () => {
    const called = settings
      .map(({ variable = '' }) => variable)
      .filter((name) => /(?:^|_)(?:KEY|SECRET|PASSWORD|TOKEN|HEADERS|CREDENTIALS?)(?:_|$)/.test(name))
      .filter((name) => !/_(?:FILE|PREFIX)$/.test(name));
    expect(secret).toEqual(expect.arrayContaining(called));
  });

  test('and none of them shows anything of a canary', () => {
    const environment = Object.fromEntries(secret.map((variable = '') => [variable, 'CANARY-f3a9']));
    for (const given of [environment, { ...environment, REDIS_URL: 'redis://u:CANARY-f3a9@r.example' }]) {
      const text = JSON.stringify(effectiveSettings({ ...REQUIRED, ...given }));
      expect(text).not.toMatch(/CANARY|f3a9/);
      for (const variable of secret) expect(text).toContain(`"${variable}"`);
    }
  });
});
