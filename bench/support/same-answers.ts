import assert from 'node:assert/strict';
import type { Contender } from './contender.ts';

export interface Expected {
  readonly id: string;
  readonly body: string;
}

/** Puts the projects into the cache, and makes sure that what is timed is what should be timed. */
export async function checkService(
  { name, url }: Contender,
  tokens: readonly string[],
  expected: readonly Expected[],
): Promise<void> {
  const get = (id: string, token: string) =>
    fetch(`${url}/v1/image-projects/${id}`, { headers: { authorization: `Bearer ${token}` } });
  for (const { id, body } of expected) {
    const refused = await get(id, `${tokens[0]}x`);
    assert.equal(refused.status, 401, `${name} must refuse a bad token`);
    await refused.arrayBuffer();
    await (await get(id, tokens[0] ?? '')).arrayBuffer();
    for (const token of tokens) {
      const response = await get(id, token);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), body, `${name} must answer the upstream's bytes`);
      assert.match(response.headers.get('cache-status') ?? '', /; hit; ttl=\d+; detail=memory$/);
      for (const header of ['etag', 'ratelimit', 'x-request-id', 'content-security-policy']) {
        assert.ok(response.headers.has(header), `${name} must send ${header}`);
      }
    }
  }
}

export async function checkBareExpress(
  { name, url }: Contender,
  expected: readonly Expected[],
): Promise<void> {
  for (const { id, body } of expected) {
    const response = await fetch(`${url}/v1/image-projects/${id}`);
    assert.equal(await response.text(), body, `${name} must answer the same bytes`);
  }
}
