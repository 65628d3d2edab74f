import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConfigError, type Environment, loadConfig, readVariables } from '../../src/config.ts';

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
