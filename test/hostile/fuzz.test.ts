import { METHODS } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createFuzzer } from '../support/http-fuzzer.ts';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { fillIn, RAW_CORPUS } from '../support/raw-corpus.ts';
import { exchange, type RawExchange } from '../support/raw-http.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

/** `npm run test:fuzz` sends a million, from a seed of its own. */
const REQUESTS = z.coerce.number().int().min(1).default(100_000).parse(process.env.FUZZ_REQUESTS);
const SEED = z.coerce.number().int().min(1).default(20_261_124).parse(process.env.FUZZ_SEED);
const CONNECTIONS = 32;
const CHECK_EVERY = 2000;
const MAX_RESIDENT_BYTES = 400 * 1024 * 1024;

const PLAIN_LOOKUP = /^GET \/v1\/image-projects\/[A-Za-z0-9_-]{1,128}$/;
/** What may begin a request, as far as Node's parser can tell. */
const REQUEST_LINE = new RegExp(`(?:${METHODS.join('|')}) `, 'g');
const UPSTREAM_HEADERS = new Set([
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'host',
  'traceparent',
  'user-agent',
]);

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let service: ServiceProcess;
let token: string;

beforeAll(async () => {
  emulator = await startMagicHourEmulator();
  issuer = await startTokenIssuer();
  service = await startServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: '100000000',
    RATE_LIMIT_IP_MAX: '100000000',
    // The emulator's id `status-503-…` and the like may come about by chance.
    UPSTREAM_RETRIES: '0',
  });
  token = await issuer.token({ exp: Math.floor(Date.now() / 1000) + 86_400 });
});
afterAll(async () => {
  service.kill('SIGKILL');
  await service.exited;
  await Promise.all([emulator.close(), issuer.close()]);
});

/** An answer to each request line at the most, all of them whole and none of them a fault of ours. */
function expectSound(input: Buffer, { answers, rest, ended }: RawExchange): void {
  expect(ended, 'the server ends the connection').toBe(true);
  expect(rest.length, 'bytes that are no answer').toBe(0);
  const requestLines = input.toString('latin1').match(REQUEST_LINE)?.length ?? 0;
  expect(answers.length, 'answers').toBeLessThanOrEqual(Math.max(1, requestLines));
  for (const { status, headers, body } of answers) {
    expect(status).toBeLessThan(500);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    if (body.length > 0) JSON.parse(body.toString());
    expect(body.includes(emulator.apiKey), 'the key goes out').toBe(false);
  }
}

async function expectAlive(): Promise<void> {
  const response = await fetch(`${service.publicUrl}/v1/image-projects/complete-honest`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  for (const { method, path, headers } of emulator.requests) {
    expect(`${method} ${path}`).toMatch(PLAIN_LOOKUP);
    expect(headers.authorization).toBe(`Bearer ${emulator.apiKey}`);
    expect(Object.keys(headers).filter((name) => !UPSTREAM_HEADERS.has(name))).toEqual([]);
  }
  emulator.clear();
}

test(
  `${REQUESTS} requests made of the corpus, seed ${SEED}, get sound answers and leave the service whole`,
  async () => {
    const corpus = Object.values(RAW_CORPUS)
      .flat()
      // Long ones take long to send, and have had their turn.
      .filter(({ bytes }) => bytes.length < 4000)
      .map(({ bytes }, n) => Buffer.from(fillIn(bytes, { id: `complete-${n % 10}`, token }), 'latin1'));
    const fuzzer = createFuzzer(corpus, SEED);
    let sent = 0;

    async function send(): Promise<void> {
      while (sent < REQUESTS) {
        sent += 1;
        const n = sent;
        const input = fuzzer.next();
        try {
          // Our side ends after the bytes: what they leave unfinished stays so.
          expectSound(input, await exchange(service.publicUrl, input, { halfClose: true, withinMs: 15_000 }));
        } catch (error) {
          throw new Error(`input ${n} of seed ${SEED}: ${JSON.stringify(input.toString('latin1'))}`, {
            cause: error,
          });
        }
        if (n % CHECK_EVERY === 0) await expectAlive();
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    await expectAlive();

    const metrics = await (await fetch(`${service.opsUrl}/metrics`)).text();
    const resident = Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
    expect(resident).toBeLessThan(MAX_RESIDENT_BYTES);
    expect(service.lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  },
  REQUESTS * 10 + 60_000,
);
