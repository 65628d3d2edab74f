import magicHour from 'magic-hour';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { KINDS } from '../../src/lookup/project.ts';
import { type Stack, startStack } from '../support/stack.ts';

// A CommonJS package: under Node's own rules its default export is a property of what is imported.
const Client = magicHour.default;

async function sdkOf(stack: Stack, token?: string) {
  return new Client({ token: token ?? (await stack.issuer.token()), baseUrl: stack.service.publicUrl });
}

/** The SDK's own error object. */
const apiError = z.looseObject({
  response: z.custom<Pick<Response, 'status' | 'json'>>(
    (response) =>
      typeof response === 'object' && response !== null && 'status' in response && 'json' in response,
  ),
});

async function errorOf(call: Promise<unknown>): Promise<{ status: number; body: unknown }> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  const { response } = apiError.parse(thrown);
  return { status: response.status, body: await response.json() };
}

const RESOURCES = { image: 'imageProjects', video: 'videoProjects', audio: 'audioProjects' } as const;

describe.each(KINDS)(
  "Magic Hour's own SDK, pointed at this service with a user's token, for %s projects",
  (kind) => {
    const resource = RESOURCES[kind];

    test('gets one', async () => {
      const stack = await startStack();
      const project = await (await sdkOf(stack)).v1[resource].get({ id: 'complete-1' });
      expect(project).toMatchObject({ id: 'complete-1', status: 'complete' });
      expect(project.downloads[0]?.url).toContain('X-Goog-Signature');
      expect(stack.emulator.requests.map(({ path }) => path)).toEqual([`/v1/${kind}-projects/complete-1`]);
      expect(await stack.metric(`lookups_total{kind="${kind}",result="miss"}`)).toBe(1);
      expect(await stack.metric('upstream_contract_drift_total{field="other"}')).toBe(0);
    });

    test('follows one from queued to complete', async () => {
      const stack = await startStack({
        env: { CACHE_PENDING_TTL_MS: '100' },
        emulator: { queuedMs: 300, renderingMs: 300 },
      });
      const result = await (await sdkOf(stack)).v1[resource].checkResult(
        { id: 'demo-1' },
        { waitForCompletion: true, downloadOutputs: false },
      );
      expect(result).toMatchObject({ id: 'demo-1', status: 'complete' });
      expect(await stack.metric(`lookup_status_total{kind="${kind}",status="queued"}`)).toBeGreaterThan(0);
      expect(
        stack.emulator.requests.every(
          ({ headers }) => !Object.keys(headers).some((name) => name.startsWith('x-sideko')),
        ),
      ).toBe(true);
    });

    test('gets one through the cache whole', async () => {
      const stack = await startStack();
      const sdk = await sdkOf(stack);
      const first = await sdk.v1[resource].get({ id: 'complete-1' });
      expect(await sdk.v1[resource].get({ id: 'complete-1' })).toEqual(first);
      expect(await stack.metric(`lookups_total{kind="${kind}",result="memory_hit"}`)).toBe(1);
      expect(stack.emulator.requests).toHaveLength(1);
    });
  },
);

describe("Magic Hour's own SDK", () => {
  test('gets its own error for a token that is no good, an unknown project and a limit', async () => {
    const stack = await startStack({ env: { RATE_LIMIT_MAX: '1' } });
    expect(
      await errorOf((await sdkOf(stack, 'nonsense')).v1.imageProjects.get({ id: 'complete-1' })),
    ).toMatchObject({
      status: 401,
      body: { message: 'Unauthorized' },
    });
    const sdk = await sdkOf(stack);
    expect(await errorOf(sdk.v1.imageProjects.get({ id: 'missing-1' }))).toMatchObject({
      status: 404,
      body: { message: 'Not Found' },
    });
    expect(await errorOf(sdk.v1.imageProjects.get({ id: 'complete-1' }))).toMatchObject({
      status: 429,
      body: { code: 'rate_limited' },
    });
  });
});
