import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axios from 'axios';
import { expect, onTestFinished, test } from 'vitest';
import { parseJson } from '../../src/json.ts';
import { createLogger } from '../../src/log.ts';
import { CANARIES, findCanaries, SECRETS, SIGNED_URL } from '../support/canaries.ts';
import {
  runProgram,
  runServiceProcess,
  type ServiceProcess,
  startServiceProcess,
} from '../support/service-process.ts';
import { eventually } from '../support/stack.ts';

/** Nothing answers there, so that all that goes wrong on the way is logged, too. */
const NOWHERE = '127.0.0.1:1';

const env = {
  MAGIC_HOUR_API_KEY: SECRETS.apiKey,
  MAGIC_HOUR_API_KEY_NEXT: SECRETS.nextKey,
  WEBHOOK_SECRET: SECRETS.webhookSecret,
  MAGIC_HOUR_BASE_URL: `http://${NOWHERE}`,
  AUTH_ISSUER: `http://${NOWHERE}`,
  AUTH_AUDIENCE: 'bff',
  REDIS_URL: `redis://:${encodeURIComponent(SECRETS.redisPassword)}@${NOWHERE}`,
  LOG_LEVEL: 'trace',
  SIGNED_URL,
};

async function start(more: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const service = await startServiceProcess({ ...env, ...more });
  onTestFinished(async () => {
    service.kill('SIGKILL');
    await service.exited;
  });
  return service;
}

const canariesIn = (where: string, text: string) => findCanaries(CANARIES, [{ where, text }]);

test.each([
  ['throws an error', 'throw error'],
  ['throws one that is its own cause', 'error.cause = error; throw error'],
  ['throws what is no error', 'throw error.config'],
  ['leaves a rejection by an error unhandled', 'Promise.reject(error)'],
  ['leaves a rejection by words unhandled', 'Promise.reject(error.message)'],
  ['fails in an event', "new (process.getBuiltinModule('events'))().emit('error', error)"],
])('a process that %s with the key in it says that it stopped, and prints no secret', async (_how, raise) => {
  // Code that runs inside the service's process, as a defect in a dependency would.
  const code = `process.on('SIGUSR2', () => {
    const { MAGIC_HOUR_API_KEY: key, SIGNED_URL: url } = process.env;
    const error = new TypeError('Bearer ' + key, { cause: new Error(url) });
    error.config = { headers: { authorization: 'Bearer ' + key } };
    ${raise};
  })`;
  const service = await start({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` });
  service.kill('SIGUSR2');
  expect((await service.exited).code).toBe(70);
  const printed = [...service.lines, service.stderr()].join('\n');
  expect(printed).toContain('defect: the process stops');
  expect(canariesIn('what it printed', printed)).toEqual([]);
});

test('a report that a process writes on a signal holds none of the secrets in its environment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'report-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const options = `--report-on-signal --report-signal=SIGUSR2 --report-filename=report.json --report-directory=${folder}`;
  const service = await start({ NODE_OPTIONS: options });
  service.kill('SIGUSR2');
  let report = '';
  await eventually(async () => {
    report = await readFile(join(folder, 'report.json'), 'utf8').catch(() => '');
    return parseJson(report) !== undefined;
  });
  expect(report).toContain('"javascriptStack"');
  expect(canariesIn('the report', report)).toEqual([]);
});

test('a process that has secrets in the wrong settings prints none of them', async () => {
  const { code, stderr, lines } = await runServiceProcess({
    ...env,
    PORT: SECRETS.apiKey,
    REDIS_URL: `http://user:${SECRETS.redisPassword}@redis`,
    MAGIC_HOUR_BASE_URL: `ftp://${SECRETS.apiKey}@example.com`,
    AUTH_JWKS_FILE: `/nowhere/${SECRETS.cookie}`,
    TRUST_PROXY: SECRETS.queryToken,
    CORS_ORIGINS: SIGNED_URL,
    LOG_LEVEL: SECRETS.nextKey,
  });
  expect(code).toBe(78);
  expect(canariesIn('what it printed', [...lines, stderr].join('\n'))).toEqual([]);
});

test.each(['--check-config', '--print-config'])('%s prints no secret', async (command) => {
  for (const [more, expected] of [
    [{}, 0],
    [{ AUTH_AUDIENCE: SECRETS.apiKey, MAGIC_HOUR_BASE_URL: `http://u:${SECRETS.queryToken}@${NOWHERE}` }, 78],
  ] as const) {
    const { code, stdout, stderr } = await runProgram({ ...env, ...more }, [command]);
    expect(code).toBe(expected);
    expect(canariesIn('what it printed', stdout + stderr)).toEqual([]);
  }
});

test('a process that is to listen at a secret prints none of it', async () => {
  const { code, stderr, lines } = await runServiceProcess({ ...env, HOST: SECRETS.queryToken });
  expect(code).toBe(70);
  expect(canariesIn('what it printed', [...lines, stderr].join('\n'))).toEqual([]);
});

test('a log line on an error of axios, which holds all that was sent, holds none of it', async () => {
  const error: unknown = await axios
    .get(`http://127.0.0.1:1/?sig=${SECRETS.urlSignature}`, {
      headers: { authorization: `Bearer ${SECRETS.apiKey}`, cookie: SECRETS.cookie },
    })
    .catch((caught: unknown) => caught);
  expect(canariesIn('axios', JSON.stringify(error))).not.toEqual([]);
  const lines: string[] = [];
  const logger = createLogger({
    level: 'trace',
    version: '0',
    destination: { write: (line) => void lines.push(line) },
  });
  logger.event('defect', { error: new Error('around it', { cause: error }) });
  expect(canariesIn('the log', lines.join(''))).toEqual([]);
});
