import { expect, onTestFinished, test } from 'vitest';
import { type KeyLoader, keysByDiscovery, keysFromUrl } from '../../src/auth/key-loaders.ts';
import { loadFailure } from '../../src/auth/load-failure.ts';
import { freePort } from '../support/free-port.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

const failureOf = (load: KeyLoader) => load().then(() => 'none', loadFailure);

test.each([
  ['error', 'status_500'],
  ['html', 'not_json'],
  ['empty', 'unexpected_document'],
  ['redirect', 'redirected'],
  ['endless', 'too_large'],
  ['hang', 'timeout'],
] as const)('keys that can not be loaded from an issuer in mode %s: %s', async (mode, reason) => {
  const issuer = await startTokenIssuer();
  onTestFinished(issuer.close);
  expect(await failureOf(keysFromUrl(issuer.jwksUrl))).toBe('none');
  issuer.respondWith(mode);
  expect(await failureOf(keysFromUrl(issuer.jwksUrl))).toBe(reason);
});

test('keys whose issuer is not there, or is another one', async () => {
  const port = await freePort();
  const issuer = await startTokenIssuer({ port, issuer: 'https://another.example' });
  onTestFinished(issuer.close);
  expect(await failureOf(keysByDiscovery(`http://127.0.0.1:${port}`))).toBe('other_issuer');
  expect(await failureOf(keysByDiscovery(`http://127.0.0.1:${await freePort()}`))).toBe('ECONNREFUSED');
});

test('nothing of an error that nobody foresaw', () => {
  for (const error of [
    new Error('https://secret.example'),
    'secret',
    undefined,
    { cause: { code: 'sécret' } },
  ])
    expect(loadFailure(error)).toBe('unknown');
});
