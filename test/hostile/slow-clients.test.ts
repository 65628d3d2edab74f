import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type MagicHourEmulator, startMagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { type SlowAttack, type SlowMode, startSlowAttack } from '../support/slow-http-test.ts';
import { eventually } from '../support/stack.ts';
import { startTokenIssuer, type TokenIssuer } from '../support/token-issuer.ts';

const CONNECTIONS = 1000;
const CONNECTIONS_PER_SECOND = 500;
/** Far longer than any of them is put up with, so that it is never the attack that ends first. */
const ATTACK_MS = 90_000;
const SETTLE_MS = 30_000;
const MAX_RESIDENT_BYTES = 512 * 1024 * 1024;
/** Sockets of the test's own, and of keep-alive to the emulator and the issuer. */
const OTHER_SOCKETS = 30;
const PACE_MS = 25;

let emulator: MagicHourEmulator;
let issuer: TokenIssuer;
let service: ServiceProcess;

beforeAll(async () => {
  [emulator, issuer] = await Promise.all([startMagicHourEmulator(), startTokenIssuer()]);
  service = await startServiceProcess({
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: '1000000',
    RATE_LIMIT_IP_MAX: '1000000',
  });
});
afterAll(async () => {
  service.kill('SIGKILL');
  await service.exited;
  await Promise.all([emulator.close(), issuer.close()]);
});

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${service.opsUrl}/metrics`)).text();
  return z.coerce.number().parse(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const openFiles = () => metric('process_open_fds');
/** Answers that are not with their clients' systems; the question itself is one. */
const unanswered = async () => (await metric('http_requests_in_flight')) - 1;

/** Looks up as several users, until told to stop. */
function startHonestUsers(count: number) {
  const statuses = new Map<number, number>();
  const over = new AbortController();
  async function lookUp(user: number): Promise<void> {
    const headers = { authorization: `Bearer ${await issuer.token({ sub: `honest-${user}` })}` };
    for (let n = 0; !over.signal.aborted; n += 1) {
      const response = await fetch(`${service.publicUrl}/v1/image-projects/complete-${n % 20}`, { headers });
      await response.arrayBuffer();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      await sleep(PACE_MS);
    }
  }
  const all = Promise.all(Array.from({ length: count }, (_, user) => lookUp(user)));
  onTestFinished(() => over.abort());
  return {
    async stop(): Promise<Record<number, number>> {
      over.abort();
      await all;
      return Object.fromEntries(statuses);
    },
  };
}

const LOOKUP = '/v1/image-projects/complete-1';

/** Whoever doesn't get to the end of a request is sent away: slowhttptest ends since it has no connection left. */
async function allSentAway({ ended }: SlowAttack): Promise<void> {
  expect(await ended).toBe('No open connections left');
}

/** Whoever doesn't take answers is kept for a while, and then the service keeps none of them any more. */
async function answersDropped(attack: SlowAttack): Promise<void> {
  await eventually(async () => (await unanswered()) > 20, ATTACK_MS);
  await eventually(async () => (await unanswered()) <= 5, ATTACK_MS);
  expect(attack.running).toBe(true);
  attack.stop();
}

test.each<[mode: SlowMode, path: string, atOnce: number, end: (attack: SlowAttack) => Promise<void>]>([
  ['headers', LOOKUP, CONNECTIONS / 2, allSentAway],
  // No route waits for a body: they are answered at once and hold nothing.
  ['body', LOOKUP, 0, allSentAway],
  ['read', '/openapi.json', CONNECTIONS / 2, answersDropped],
])(
  `${CONNECTIONS} clients with slow %s hold a bounded share for a bounded time, while every honest lookup succeeds`,
  async (mode, path, atOnce, end) => {
    const filesBefore = await openFiles();
    const honest = startHonestUsers(5);
    const attack = await startSlowAttack(mode, {
      url: service.publicUrl + path,
      connections: CONNECTIONS,
      connectionsPerSecond: CONNECTIONS_PER_SECOND,
      seconds: ATTACK_MS / 1000,
    });
    onTestFinished(attack.stop);
    await eventually(async () => (await openFiles()) >= filesBefore + atOnce, ATTACK_MS);
    await end(attack);
    await eventually(async () => (await openFiles()) <= filesBefore + OTHER_SOCKETS, SETTLE_MS);
    expect(Object.keys(await honest.stop())).toEqual(['200']);
    expect(await metric('process_resident_memory_bytes')).toBeLessThan(MAX_RESIDENT_BYTES);
    expect(service.lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  },
  2 * ATTACK_MS,
);
