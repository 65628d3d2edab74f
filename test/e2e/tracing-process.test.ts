import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type BuiltService, buildService } from '../support/built-service.ts';
import { loadedModules, NAME_LOADED_MODULES } from '../support/loaded-modules.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { startOtlpCollector } from '../support/otlp-collector.ts';
import { startArguments, startServiceProcess } from '../support/service-process.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

let built: BuiltService;
let emulator: MagicHourEmulator;
let issuer: TokenIssuer;

beforeAll(async () => {
  [built, emulator, issuer] = await Promise.all([
    buildService(),
    startMagicHourEmulator(),
    startTokenIssuer(),
  ]);
});
afterAll(async () => {
  await Promise.all([emulator.close(), issuer.close()]);
  await built.remove();
});

/** prom-client asks for the API, which does nothing by itself; with tracing or without. */
const OPENTELEMETRY = /\/@opentelemetry\/(?!api\/)|\/src\/tracing\//;

const FORMS: Readonly<Record<string, () => readonly string[]>> = {
  sources: startArguments,
  built: () => built.args,
};

/** Runs the service for one lookup. @returns the files with OpenTelemetry's code that it has loaded */
async function lookUpOnce(args: readonly string[], env: Readonly<Record<string, string>>) {
  const service = await startServiceProcess(
    {
      MAGIC_HOUR_API_KEY: emulator.apiKey,
      MAGIC_HOUR_BASE_URL: emulator.baseUrl,
      AUTH_ISSUER: issuer.issuer,
      AUTH_AUDIENCE: issuer.audience,
      NODE_OPTIONS: NAME_LOADED_MODULES,
      ...env,
    },
    args,
  );
  onTestFinished(() => service.kill('SIGKILL'));
  const headers = { authorization: `Bearer ${await issuer.token()}` };
  const answer = await fetch(`${service.publicUrl}/v1/image-projects/complete-1`, { headers });
  expect(answer.status).toBe(200);
  await answer.text();
  service.kill('SIGTERM');
  expect(await service.exited).toEqual({ code: 0, signal: null });
  const loaded = loadedModules(service.stderr());
  expect(loaded.length).toBeGreaterThan(2);
  return loaded
    .filter(({ url, text }) => OPENTELEMETRY.test(url) || text.includes('BatchSpanProcessor'))
    .map(({ url }) => url);
}

describe.each(Object.keys(FORMS))('the service as a process (%s)', (form) => {
  const args = () => FORMS[form]?.() ?? [];

  test('loads nothing of OpenTelemetry where no collector is set', async () => {
    // Whatever else of tracing is set.
    expect(await lookUpOnce(args(), { OTEL_TRACES_SAMPLER: 'always_on' })).toEqual([]);
  });

  test('has sent its spans when it ends', async () => {
    const collector = await startOtlpCollector();
    onTestFinished(collector.close);
    const loaded = await lookUpOnce(args(), { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    expect(loaded).not.toEqual([]);
    const names = collector.spans.map(({ name }) => name);
    expect(names).toContain('GET /v1/image-projects/{id}');
    expect(names).toContain('ask the upstream');
  });
});
