import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { USAGE } from '../../src/command-line.ts';
import { readVariables } from '../../src/config.ts';
import { listen } from '../support/http-server.ts';
import { runProgram } from '../support/service-process.ts';

/** Whatever the settings name: it takes connections, and so has the port. */
let connections = 0;
const elsewhere = createServer((socket) => {
  connections += 1;
  socket.destroy();
});
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  const port = await listen(elsewhere, 0, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  env = {
    MAGIC_HOUR_API_KEY: 'mhk_s3cret',
    MAGIC_HOUR_BASE_URL: url,
    AUTH_ISSUER: url,
    AUTH_AUDIENCE: 'bff',
    REDIS_URL: `redis://:s3cret@127.0.0.1:${port}`,
    HOST: '127.0.0.1',
    PORT: String(port),
    OPS_PORT: String(port),
  };
});
afterAll(() => void elsewhere.close());

describe('--check-config', () => {
  test('says that a configuration is valid, and opens nothing', async () => {
    expect(await runProgram(env, ['--check-config'])).toEqual({
      code: 0,
      stdout: 'the configuration is valid\n',
      stderr: '',
    });
    expect(connections).toBe(0);
  });

  test('warns as a start would', async () => {
    const { code, stderr } = await runProgram({ ...env, REDIS_URL: '', RATE_LIMIT_MX: 's3cret' }, [
      '--check-config',
    ]);
    expect(code).toBe(0);
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^warning: RATE_LIMIT_MX looks like a setting/),
      expect.stringMatching(/^warning: no Redis is configured/),
      '',
    ]);
  });

  test('names all faults and ends with 78', async () => {
    const wrong = {
      ...env,
      PORT: 's3cret',
      AUTH_ISSUER: '',
      MAGIC_HOUR_BASE_URL: 'https://u:s3cret@h.example',
    };
    const { code, stdout, stderr } = await runProgram(wrong, ['--check-config']);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(/^The configuration has 3 fault\(s\):\n/);
    for (const name of [
      'PORT: must',
      'AUTH_ISSUER: is required',
      'MAGIC_HOUR_BASE_URL: must hold no user name',
    ])
      expect(stderr).toContain(name);
    expect(stderr).not.toContain('s3cret');
  });

  test('is what npm run config:check does', async () => {
    const [, ...program] = manifest.scripts['config:check'].split(' ');
    expect((await runProgram(env, [], program)).code).toBe(0);
    expect((await runProgram({}, [], program)).code).toBe(78);
  });
});

describe('--print-config', () => {
  const variables = Object.values(readVariables()).flatMap((group) => Object.values(group));
  const columnsOf = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));

  test('prints every setting with where it is from, and no secret', async () => {
    const { code, stdout, stderr } = await runProgram(env, ['--print-config']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = columnsOf(stdout);
    expect(rows.map(([name]) => name).toSorted()).toEqual(variables.toSorted());
    for (const row of [
      ['MAGIC_HOUR_API_KEY', '<set>', 'environment'],
      ['AUTH_AUDIENCE', 'bff', 'environment'],
      ['REDIS_URL', `redis://<masked>@127.0.0.1:${env.PORT}`, 'environment'],
      ['RATE_LIMIT_MAX', '600', 'default'],
    ])
      expect(rows).toContainEqual(row);
    expect(stdout).not.toContain('s3cret');
    expect(connections).toBe(0);
  });

  test('prints a faulty configuration, too, with its faults on stderr', async () => {
    const { code, stdout, stderr } = await runProgram({ ...env, PORT: 'eighty' }, ['--print-config']);
    expect(code).toBe(78);
    expect(columnsOf(stdout)).toHaveLength(variables.length);
    expect(columnsOf(stdout)).toContainEqual(['PORT', '<faulty>', 'environment']);
    expect(stderr).toBe('The configuration has 1 fault(s):\n  PORT: must be a whole number\n');
  });
});

test('--version and --help print what they say', async () => {
  expect(await runProgram({}, ['--version'])).toEqual({
    code: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  });
  expect(await runProgram({}, ['--help'])).toEqual({ code: 0, stdout: USAGE, stderr: '' });
});

test('an unknown argument is refused with the usage and 64', async () => {
  expect(await runProgram(env, ['--checkconfig'])).toEqual({
    code: 64,
    stdout: '',
    stderr: `unknown option --checkconfig\n\n${USAGE}`,
  });
  expect(connections).toBe(0);
});
