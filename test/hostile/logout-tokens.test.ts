import { createLocalJWKSet } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createBackchannelLogout } from '../../src/sessions/backchannel-logout.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const CLIENT = 'magic-hour-bff';

let issuer: TokenIssuer;
let other: TokenIssuer;
beforeAll(async () => {
  [issuer, other] = await Promise.all([startTokenIssuer(), startTokenIssuer()]);
  return () => Promise.all([issuer.close(), other.close()]);
});

/** A store of which everything that is done is noted, and that fails when it is told to. */
function notedStore() {
  const done: string[] = [];
  const remembered = new Set<string>();
  let failures = 0;
  const work = async (what: string) => {
    if (failures > 0) {
      failures -= 1;
      throw new Error('Redis is away');
    }
    done.push(what);
    return 1;
  };
  return {
    done,
    failNext: () => {
      failures += 1;
    },
    store: {
      endAllOf: (sub: string) => work(`all of ${sub}`),
      endNamed: (sid: string, sub: string | undefined) => work(`${sid} of ${sub}`),
      remembers: async (what: string) => remembered.has(what),
      remember: async (what: string) => {
        remembered.add(what);
        return true;
      },
    },
  };
}

function open(store: ReturnType<typeof notedStore>['store']) {
  return createBackchannelLogout({
    issuer: issuer.issuer,
    clientId: CLIENT,
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    keys: { getKey: createLocalJWKSet(issuer.jwks()) },
    store,
    clock: { now: Date.now },
  });
}

const nowSeconds = () => Math.floor(Date.now() / 1000);
const claims = () => ({
  aud: CLIENT,
  jti: 'j1',
  sid: 's1',
  sub: 'alice',
  events: { [EVENT]: {} },
  exp: nowSeconds() + 120,
});
const header = { typ: 'logout+jwt' };

test.each([undefined, 'JWT', 'application/logout+jwt'])('a logout token of type %s is one', async (typ) => {
  const noted = notedStore();
  const token = await issuer.token(claims(), { header: { typ } });
  expect(await open(noted.store).take(token)).toBe(1);
});

test.each<[string, Record<string, unknown>, string]>([
  ['a session', {}, 's1 of alice'],
  ['a session without a user', { sub: undefined }, 's1 of undefined'],
  ['all of a user’s', { sid: undefined }, 'all of alice'],
  ['a session, among other events', { events: { [EVENT]: {}, 'urn:other': { x: 1 } } }, 's1 of alice'],
  ['a session, for several clients', { aud: ['another', CLIENT] }, 's1 of alice'],
])('a logout token ends %s', async (_what, over, done) => {
  const noted = notedStore();
  const token = await issuer.token({ ...claims(), ...over }, { header });
  expect(await open(noted.store).take(token)).toBe(1);
  expect(noted.done).toEqual([done]);
});

const HOSTILE: Record<string, () => Promise<string> | string> = {
  'no token': () => '',
  'no JWT': () => 'a.b',
  'one without a signature': async () => {
    const [, payload = ''] = (await issuer.token(claims(), { header })).split('.');
    return `${Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url')}.${payload}.`;
  },
  'one by another issuer’s key': () => issuer.token(claims(), { header, key: other.currentKey() }),
  'one of another issuer': () => other.token(claims(), { header }),
  'one in our issuer’s name by another’s key': () =>
    other.token({ ...claims(), iss: issuer.issuer }, { header }),
  'one for another client': () => issuer.token({ ...claims(), aud: 'another' }, { header }),
  'one for nobody': () => issuer.token({ ...claims(), aud: undefined }, { header }),
  'one that ended': () => issuer.token({ ...claims(), exp: nowSeconds() - 100 }, { header }),
  'one without an end': () => issuer.token({ ...claims(), exp: undefined }, { header }),
  'one of yesterday': () => issuer.token({ ...claims(), iat: nowSeconds() - 86_400 }, { header }),
  'one of tomorrow': () => issuer.token({ ...claims(), iat: nowSeconds() + 86_400 }, { header }),
  'one without a time': () => issuer.token({ ...claims(), iat: undefined }, { header }),
  'one without an id': () => issuer.token({ ...claims(), jti: undefined }, { header }),
  'one with a nonce, as ID tokens have it': () => issuer.token({ ...claims(), nonce: 'n' }, { header }),
  'one without events': () => issuer.token({ ...claims(), events: undefined }, { header }),
  'one with another event': () => issuer.token({ ...claims(), events: { 'urn:other': {} } }, { header }),
  'one whose event is no object': () => issuer.token({ ...claims(), events: { [EVENT]: true } }, { header }),
  'one that names nobody': () => issuer.token({ ...claims(), sub: undefined, sid: undefined }, { header }),
  'an access token': () => issuer.token({ ...claims() }),
  'an access token by its type alone': () => issuer.token(claims(), { header: { typ: 'at+jwt' } }),
  'an ID token': () => issuer.token({ aud: CLIENT, sub: 'alice' }, { header: { typ: 'JWT' } }),
  'one that is too long': () => issuer.token({ ...claims(), x: 'x'.repeat(9000) }, { header }),
};

test.each(Object.keys(HOSTILE))('%s ends nothing', async (name) => {
  const noted = notedStore();
  const token = z.string().parse(await HOSTILE[name]?.());
  expect(await open(noted.store).take(token)).toBeUndefined();
  expect(noted.done).toEqual([]);
});

test('one that comes again ends nothing that began since', async () => {
  const noted = notedStore();
  const logout = open(noted.store);
  const token = await issuer.token({ ...claims(), sid: undefined }, { header });
  expect(await logout.take(token)).toBe(1);
  expect(await logout.take(token)).toBe(0);
  expect(noted.done).toHaveLength(1);
});

test('what could not be ended is ended when it comes again', async () => {
  const noted = notedStore();
  const logout = open(noted.store);
  const token = await issuer.token(claims(), { header });
  noted.failNext();
  await expect(logout.take(token)).rejects.toMatchObject({ code: 'authentication_unavailable' });
  expect(await logout.take(token)).toBe(1);
});
