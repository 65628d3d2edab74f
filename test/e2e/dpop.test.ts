import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createDpopKey, type DpopKey } from '../support/dpop-key.ts';
import { startIntrospectingIssuer } from '../support/introspecting-issuer.ts';
import { sendExactly } from '../support/send-exactly.ts';
import { type Stack, startStack } from '../support/stack.ts';

const PATH = '/v1/image-projects/complete-1';

let key: DpopKey;
let thief: DpopKey;
beforeAll(async () => {
  [key, thief] = await Promise.all([createDpopKey(), createDpopKey()]);
});

const boundToken = (stack: Stack, claims = {}) =>
  stack.issuer.token({ cnf: { jkt: key.thumbprint }, ...claims });

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the proof says that it is sent to. */
  readonly url?: string;
  readonly signer?: DpopKey;
}

async function ask(
  stack: Stack,
  token: string,
  {
    path = PATH,
    method = 'GET',
    headers = {},
    url = `${stack.service.publicUrl}${path}`,
    signer = key,
  }: Asked = {},
) {
  const proof = await signer.proof({ url, method, token });
  return stack.client.request(path, {
    method,
    headers: { authorization: `DPoP ${token}`, dpop: proof, ...headers },
  });
}

describe('a token that is bound to a key', () => {
  test('lets its user in with a proof for each request', async () => {
    const stack = await startStack();
    const token = await boundToken(stack);
    for (let round = 0; round < 3; round += 1) expect((await ask(stack, token)).status).toBe(200);
    expect((await ask(stack, token, { method: 'HEAD' })).status).toBe(200);
    expect((await ask(stack, token, { path: `${PATH}?min_valid=60` })).status).toBe(200);
    expect((await ask(stack, token, { path: '/v1/video-projects/complete-1' })).status).toBe(200);
  });

  test('is worth nothing as a bearer token, also in the fast lane, and is told what it needs', async () => {
    const stack = await startStack();
    const token = await boundToken(stack);
    // The project is held in memory, the token is remembered, and another user was served at once.
    expect((await ask(stack, token)).status).toBe(200);
    expect((await stack.lookup('complete-1')).status).toBe(200);
    for (const more of [{}, { dpop: await key.proof({ url: `${stack.service.publicUrl}${PATH}`, token }) }]) {
      const answer = await stack.client.request(PATH, {
        headers: { authorization: `Bearer ${token}`, ...more },
      });
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ code: 'token_invalid' });
      expect(answer.headers.get('www-authenticate')).toBe(
        'Bearer realm="magic-hour-bff", error="invalid_token", error_description="The token is not valid", ' +
          'DPoP realm="magic-hour-bff", algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 PS384 PS512 RS256 RS384 RS512"',
      );
    }
    expect(await stack.metric('authentication_failures_total{reason="token_invalid"}')).toBe(2);
  });

  test('is worth nothing without a good proof, which is told in the words of RFC 9449', async () => {
    const stack = await startStack();
    const token = await boundToken(stack);
    const elsewhere = 'https://evil.example/v1/image-projects/complete-1';
    const answers = [
      await ask(stack, token, { signer: thief }),
      await ask(stack, token, { url: elsewhere }),
      await ask(stack, token, { headers: { dpop: 'proof' } }),
      await ask(stack, token, { headers: { dpop: '' } }),
      await stack.client.request(PATH, { headers: { authorization: `DPoP ${token}` } }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.json()).toMatchObject({ message: 'Unauthorized', code: 'token_invalid' });
      expect(answer.headers.get('www-authenticate')).toMatch(
        /^Bearer realm="magic-hour-bff", DPoP realm="magic-hour-bff", error="invalid_dpop_proof", .*algs="ES256 /,
      );
    }
    expect(stack.emulator.count()).toBe(0);
  });

  test('is worth nothing with two proofs, or with one that was used', async () => {
    const stack = await startStack();
    const token = await boundToken(stack);
    const url = `http://bff.example${PATH}`;
    const proofs = await Promise.all([1, 2, 3].map(() => key.proof({ url, token })));
    const [first = '', second = '', third = ''] = proofs;
    const send = async (...headers: string[]) => {
      const sent = ['Authorization', `DPoP ${token}`, ...headers];
      return (await sendExactly(stack.service.publicUrl, PATH, sent)).status;
    };
    expect(await send('DPoP', third)).toBe(200);
    expect(await send('DPoP', first, 'DPoP', second)).toBe(401);
    expect(await send('DPoP', first, 'dpop', first)).toBe(401);
    expect(await send('DPoP', `${first}, ${second}`)).toBe(401);
    const statuses = await Promise.all([1, 2, 3, 4].map(() => send('DPoP', first)));
    expect(statuses.toSorted()).toEqual([200, 401, 401, 401]);
  });

  test('that is over, or lacks a scope, is told so under the scheme that it came by', async () => {
    const stack = await startStack({ env: { AUTH_REQUIRED_SCOPE: 'see' } });
    const over = await boundToken(stack, { scope: 'see', exp: Math.floor(Date.now() / 1000) - 1 });
    const expired = await ask(stack, over);
    expect(expired.json()).toMatchObject({ code: 'token_expired' });
    expect(expired.headers.get('www-authenticate')).toMatch(
      /DPoP realm="magic-hour-bff", error="invalid_token"/,
    );
    const lacking = await ask(stack, await boundToken(stack));
    expect(lacking.json()).toMatchObject({ code: 'insufficient_scope' });
    expect(lacking.headers.get('www-authenticate')).toMatch(/DPoP .*error="insufficient_scope", scope="see"/);
  });

  test('may be an opaque one, of which its issuer says what it is bound to', async () => {
    const issuer = await startIntrospectingIssuer();
    onTestFinished(issuer.close);
    const stack = await startStack({
      env: {
        AUTH_ISSUER: issuer.issuer,
        AUTH_INTROSPECTION_CLIENT_ID: 'bff',
        AUTH_INTROSPECTION_CLIENT_SECRET: 'a secret',
      },
    });
    const said = {
      active: true,
      aud: 'magic-hour-bff',
      sub: 'alice',
      exp: Math.floor(Date.now() / 1000) + 600,
      token_type: 'DPoP',
    };
    issuer.says('bound', { ...said, cnf: { jkt: key.thumbprint } });
    issuer.says('half', said);
    expect((await ask(stack, 'bound')).status).toBe(200);
    expect((await ask(stack, 'bound')).status).toBe(200);
    expect((await ask(stack, 'bound', { signer: thief })).status).toBe(401);
    const bearer = await stack.client.request(PATH, { headers: { authorization: 'Bearer bound' } });
    expect(bearer.status).toBe(401);
    expect((await ask(stack, 'half')).status).toBe(401);
    expect(issuer.questions.map(({ form }) => form.get('token'))).toEqual(['bound', 'half']);
  });

  test('stands in no log, nor does its proof', async () => {
    const stack = await startStack();
    const token = await boundToken(stack);
    const proof = await thief.proof({ url: `${stack.service.publicUrl}${PATH}`, token });
    await ask(stack, token, { headers: { dpop: proof } });
    const logs = stack.logs().join('\n');
    expect(logs).toContain('"reason":"DPoP proof: jkt"');
    for (const part of [token, proof, key.thumbprint, thief.thumbprint]) expect(logs).not.toContain(part);
  });
});

test('a token that is bound to no key is worth nothing with a proof', async () => {
  const stack = await startStack();
  const token = await stack.issuer.token();
  for (let round = 0; round < 2; round += 1) {
    const answer = await ask(stack, token);
    expect(answer.status).toBe(401);
    expect(answer.json()).toMatchObject({ code: 'token_invalid' });
    const bearer = await stack.client.request(PATH, { headers: { authorization: `Bearer ${token}` } });
    expect(bearer.status).toBe(200);
  }
});

describe('the address that a proof is for', () => {
  const FRONT = 'https://images.example.com';

  test('is the one that is set, whatever the request says', async () => {
    const stack = await startStack({ env: { DPOP_PUBLIC_URL: `${FRONT}/api/` } });
    const token = await boundToken(stack);
    expect((await ask(stack, token, { url: `${FRONT}/api${PATH}` })).status).toBe(200);
    expect((await ask(stack, token, { url: `${FRONT}${PATH}` })).status).toBe(401);
    expect((await ask(stack, token)).status).toBe(401);
  });

  test('is what a proxy says that is trusted, and not what another says', async () => {
    const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'images.example.com' };
    const trusting = await startStack({ env: { TRUST_PROXY: '127.0.0.1' } });
    const token = await boundToken(trusting);
    const url = `${FRONT}${PATH}`;
    expect((await ask(trusting, token, { url, headers: forwarded })).status).toBe(200);
    const wary = await startStack({ beside: trusting });
    expect((await ask(wary, token, { url, headers: forwarded })).status).toBe(401);
    expect((await ask(wary, token, { headers: forwarded })).status).toBe(200);
  });
});

test('pages may send proofs', async () => {
  const origin = 'https://app.example.com';
  const stack = await startStack({ env: { CORS_ORIGINS: origin } });
  const answer = await stack.client.request(PATH, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization,dpop',
    },
  });
  expect(answer.headers.get('access-control-allow-headers')).toContain('DPoP');
});
