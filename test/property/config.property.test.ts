import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/commands.ts';
import { ConfigError, type Environment, loadConfig, readVariables } from '../../src/config.ts';
import { readSettings } from '../../src/settings.ts';

const variables = Object.values(readVariables()).flatMap((names) => Object.values(names));

function messageOf(environment: Environment): string {
  try {
    loadConfig(environment);
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Long enough not to be a word of the message by chance; NUL can not stand in an environment. */
const secrets = fc
  .string({ unit: 'binary', minLength: 4, maxLength: 40 })
  .map((text) => `s3cr${text.replaceAll('\0', '')}t`);

const forms = fc.constantFrom<(secret: string) => string>(
  (secret) => secret,
  (secret) => `redis://:${secret}@redis.example:6379`,
  (secret) => `http://user:${secret}@h`,
  (secret) => `${secret}:1,${secret}:99999`,
  (secret) => `RS256,${secret}`,
);

test('no value of a setting, wherever it was put by mistake, stands in a message', () => {
  fc.assert(
    fc.property(
      secrets,
      fc.dictionary(fc.constantFrom(...variables), forms, { minKeys: 1 }),
      (secret, places) => {
        const environment = Object.fromEntries(
          Object.entries(places).map(([name, form]) => [name, form(secret)]),
        );
        const message = messageOf({ PORT: 'wrong', ...environment });
        expect(message).toContain('PORT: ');
        expect(message).not.toContain(secret);
        expect(message).not.toContain(JSON.stringify(secret).slice(1, -1));
        expect(message).not.toContain(encodeURIComponent(secret.toWellFormed()));
      },
    ),
    { numRuns: 200 },
  );
});

test('any text in any variable is a configuration or a list of faults, never another failure', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom(...variables),
        fc.string().filter((text) => !text.includes('\0')),
      ),
      (environment) => {
        expect(messageOf(environment)).toBeTypeOf('string');
      },
    ),
    { numRuns: 200 },
  );
});

const secretVariables = readSettings().flatMap(({ secret, variable }) =>
  secret && variable !== undefined ? [variable] : [],
);

/** Forms that are right somewhere, so that a configuration without faults is met, too. */
const secretForms = fc.constantFrom<(secret: string) => string>(
  (secret) => secret,
  (secret) => `redis://:${encodeURIComponent(secret)}@redis.example:6379`,
  (secret) => `rediss://${secret}@redis.example:6379/1`,
  (secret) => `redis://redis.example?password=${secret}`,
  (secret) => `https://user:${secret}@h.example`,
);

test('the value of a secret never stands in what --check-config and --print-config print, wherever else it was put', () => {
  const visible = fc.stringMatching(/^[\x21-\x7e]{4,40}$/).map((text) => `s3cr${text}t`);
  const sound = {
    MAGIC_HOUR_API_KEY: 'k',
    AUTH_ISSUER: 'https://issuer.example',
    AUTH_AUDIENCE: 'bff',
  };
  fc.assert(
    fc.property(
      fc.oneof(
        visible,
        secrets.map((text) => text.toWellFormed()),
      ),
      fc.dictionary(fc.constantFrom(...secretVariables), secretForms, { minKeys: 1 }),
      fc.dictionary(fc.constantFrom(...variables), fc.constantFrom('', '1', 'x', 'https://h.example/a?b=c')),
      fc.array(fc.constantFrom(...variables), { maxLength: 2 }),
      (secret, places, others, mistakes) => {
        const environment: Record<string, string> = { ...sound, ...others };
        for (const [name, form] of Object.entries(places)) environment[name] = form(secret);
        // The same by mistake where it is no secret by its name; a faulty value is not told, nor one that repeats a secret.
        if (Object.values(places).some((form) => form(secret) === secret)) {
          for (const name of mistakes) environment[name] = secret;
        }
        for (const command of ['check-config', 'print-config'] as const) {
          const { stdout, stderr } = runCommand(command, environment, '0');
          for (const spelling of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
            expect(stdout + stderr).not.toContain(spelling);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});
