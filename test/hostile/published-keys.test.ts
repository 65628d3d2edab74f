import { createHmac, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { openStack, type Stack } from '../support/stack.ts';
import { createTokenForge, encodeJson, type TokenForge, weakRsaKey } from '../support/token-forge.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

/** A key as it stands in the issuer's JWKS, and a token that it signed. */
interface Published {
  readonly jwks: readonly object[];
  readonly token: string;
}

const rsaPair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwkOf = (key: KeyObject, kid: string, fields: object = {}) => ({
  ...key.export({ format: 'jwk' }),
  kid,
  alg: 'RS256',
  ...fields,
});

function publishRsa(forge: TokenForge, kid: string, fields: object, { publicKey, privateKey } = rsaPair()) {
  return { jwks: [jwkOf(publicKey, kid, fields)], token: forge.withHeader({ kid }, privateKey) };
}

function unusableKeys(forge: TokenForge): Record<string, Published> {
  const [twin, otherTwin] = [rsaPair(), rsaPair()];
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const secret = randomBytes(32);
  const hmacInput = `${encodeJson({ ...forge.header, alg: 'HS256', kid: 'shared' })}.${forge.good[1]}`;
  const privatePair = rsaPair();
  return {
    'half as long as it must be': publishRsa(forge, 'weak', {}, weakRsaKey()),
    'for encryption': publishRsa(forge, 'enc', { use: 'enc' }),
    'for other operations': publishRsa(forge, 'ops', { key_ops: ['encrypt'] }),
    'for another algorithm': publishRsa(forge, 'ps', { alg: 'PS256' }),
    'of another kind than it says': publishRsa(forge, 'kty', { kty: 'EC', crv: 'P-256' }),
    'without its modulus': publishRsa(forge, 'no-n', { n: undefined }),
    'a private one': {
      jwks: [jwkOf(privatePair.privateKey, 'private')],
      token: forge.withHeader({ kid: 'private' }, privatePair.privateKey),
    },
    'a shared secret': {
      jwks: [{ kty: 'oct', k: secret.toString('base64url'), kid: 'shared', alg: 'HS256' }],
      token: `${hmacInput}.${createHmac('sha256', secret).update(hmacInput).digest('base64url')}`,
    },
    'one of two under one kid': {
      jwks: [jwkOf(twin.publicKey, 'twin'), jwkOf(otherTwin.publicKey, 'twin')],
      token: forge.withHeader({ kid: 'twin' }, twin.privateKey),
    },
    'on another curve': {
      jwks: [jwkOf(p384.publicKey, 'p384', { alg: 'ES256' })],
      token: forge.withHeader({ alg: 'ES256', kid: 'p384' }, p384.privateKey),
    },
  };
}

let stack: Stack;
let forge: TokenForge;
let unusable: Record<string, Published>;
let usable: Published;
let close: () => Promise<unknown>;

beforeAll(async () => {
  const [emulator, issuer, elsewhere] = [
    await startMagicHourEmulator(),
    await startTokenIssuer(),
    await startTokenIssuer(),
  ];
  forge = createTokenForge(issuer, elsewhere);
  unusable = unusableKeys(forge);
  usable = publishRsa(forge, 'usable', { use: 'sig', key_ops: ['verify'] });
  const folder = await mkdtemp(join(tmpdir(), 'jwks-'));
  const file = join(folder, 'jwks.json');
  const published = [usable, ...Object.values(unusable)].flatMap(({ jwks }) => jwks);
  await writeFile(file, JSON.stringify({ keys: [...issuer.jwks().keys, ...published] }));
  stack = await openStack({ beside: { emulator, issuer }, env: { AUTH_JWKS_FILE: file } });
  close = async () => {
    await stack.stop();
    await Promise.all([emulator.close(), issuer.close(), elsewhere.close(), rm(folder, { recursive: true })]);
  };
});
afterAll(() => close());

const ask = (token: string) =>
  stack.client.request('/v1/image-projects/complete-1', { headers: { authorization: `Bearer ${token}` } });

describe('a key that the issuer publishes', () => {
  test('vouches for nobody where it is of no use for signatures that this service takes', async () => {
    expect(Object.keys(unusable)).toHaveLength(10);
    for (const [what, { token }] of Object.entries(unusable)) {
      const response = await ask(token);
      expect(response.status, what).toBe(401);
      expect(response.json(), what).toMatchObject({ code: 'token_invalid' });
    }
  });

  test('among such vouches for its users all the same', async () => {
    expect((await ask(usable.token)).status).toBe(200);
    expect((await ask(forge.good.join('.'))).status).toBe(200);
  });
});
