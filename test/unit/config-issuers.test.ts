import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ConfigError, type Environment, loadConfig } from '../../src/config.ts';
import { INTROSPECTION_MEMBERS, ISSUER_MEMBERS } from '../../src/config-issuers.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-issuers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = { MAGIC_HOUR_API_KEY: 'mhk_live_1' };
const FIRST = { AUTH_ISSUER: 'https://a.example', AUTH_AUDIENCE: 'bff' };
const list = (...entries: unknown[]) => ({ AUTH_ISSUERS: JSON.stringify(entries) });
const issuersOf = (environment: Environment) => loadConfig({ ...KEY, ...environment }).auth.issuers;

function faultsOf(environment: Environment): readonly string[] {
  try {
    loadConfig({ ...KEY, ...environment });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('several issuers', () => {
  test('are that of AUTH_ISSUER and behind it those of the list, each with the rest of the settings as defaults', () => {
    const common = {
      AUTH_ALGORITHMS: 'ES256',
      AUTH_TENANT_CLAIM: 'org',
      AUTH_PLAN_CLAIM: 'plan',
      RATE_LIMIT_PLANS: 'free=1',
      AUTH_REQUIRED_SCOPE: 'images',
    };
    const issuers = issuersOf({
      ...FIRST,
      ...common,
      AUTH_JWKS_URL: 'https://a.example/keys',
      ...list(
        { issuer: 'https://b.example' },
        {
          issuer: 'https://c.example/',
          audience: 'other',
          algorithms: ['RS256', 'EdDSA'],
          userClaim: 'email',
          tenantClaim: null,
          planClaim: null,
          requiredScope: null,
        },
        {
          issuer: 'https://d.example',
          algorithms: 'PS256',
          tenantClaim: 'team',
          planClaim: 'tier',
          requiredScope: 'see',
        },
      ),
    });
    const defaults = {
      algorithms: ['ES256'],
      userClaim: 'sub',
      tenantClaim: 'org',
      planClaim: 'plan',
      requiredScope: 'images',
    };
    const none = { mayAssignOwners: false, introspection: undefined };
    const byDiscovery = { jwksUrl: undefined, jwksFile: undefined, ...none };
    expect(issuers).toEqual([
      {
        setting: 'AUTH_ISSUER',
        issuer: 'https://a.example',
        audience: 'bff',
        ...defaults,
        jwksUrl: 'https://a.example/keys',
        jwksFile: undefined,
        ...none,
        mayAssignOwners: true,
      },
      {
        setting: 'AUTH_ISSUERS[0]',
        issuer: 'https://b.example',
        audience: 'bff',
        ...defaults,
        ...byDiscovery,
      },
      {
        setting: 'AUTH_ISSUERS[1]',
        issuer: 'https://c.example/',
        audience: 'other',
        algorithms: ['RS256', 'EdDSA'],
        userClaim: 'email',
        tenantClaim: undefined,
        planClaim: undefined,
        requiredScope: undefined,
        ...byDiscovery,
      },
      {
        setting: 'AUTH_ISSUERS[2]',
        issuer: 'https://d.example',
        audience: 'bff',
        algorithms: ['PS256'],
        userClaim: 'sub',
        tenantClaim: 'team',
        planClaim: 'tier',
        requiredScope: 'see',
        ...byDiscovery,
      },
    ]);
  });

  test('need no AUTH_ISSUER beside them, and may share an AUTH_AUDIENCE', () => {
    const alone = issuersOf(list({ issuer: 'https://b.example', audience: 'x' }));
    expect(alone[0].mayAssignOwners).toBe(true);
    expect(alone.map(({ setting, audience }) => [setting, audience])).toEqual([['AUTH_ISSUERS[0]', 'x']]);
    const shared = issuersOf({ AUTH_AUDIENCE: 'bff', ...list({ issuer: 'https://b.example' }) });
    expect(shared.map(({ audience }) => audience)).toEqual(['bff']);
  });

  test('come as YAML or JSON, from the variable or from a file', () => {
    const yaml = '- issuer: https://b.example\n  audience: x # theirs\n';
    expect(issuersOf({ AUTH_ISSUERS: yaml })[0]).toMatchObject({ issuer: 'https://b.example' });
    expect(issuersOf({ AUTH_ISSUERS_FILE: file('list.yaml', yaml) })[0]).toMatchObject({
      setting: 'AUTH_ISSUERS_FILE[0]',
      issuer: 'https://b.example',
    });
  });
});

describe('the issuer that is asked about opaque tokens', () => {
  const CLIENT = { AUTH_INTROSPECTION_CLIENT_ID: 'bff', AUTH_INTROSPECTION_CLIENT_SECRET: 'hunter2 hunter2' };
  const secretFile = file('client-secret', 'hunter2\n');
  const b = {
    issuer: 'https://b.example',
    introspection: { clientId: 'bff', clientSecretFile: secretFile, url: 'https://b.example/ask' },
  };
  const ONE_ONLY = 'only one issuer can be asked, since it is shown every opaque token';

  test('is AUTH_ISSUER, with the secret as a value or a file', () => {
    expect(issuersOf({ ...FIRST, ...CLIENT })[0].introspection).toEqual({
      url: undefined,
      clientId: 'bff',
      clientSecret: { value: 'hunter2 hunter2' },
      secretSetting: 'AUTH_INTROSPECTION_CLIENT_SECRET_FILE',
    });
    const fromFile = {
      AUTH_INTROSPECTION_CLIENT_SECRET: '',
      AUTH_INTROSPECTION_CLIENT_SECRET_FILE: secretFile,
    };
    expect(issuersOf({ ...FIRST, ...CLIENT, ...fromFile })[0].introspection?.clientSecret).toEqual({
      file: secretFile,
    });
  });

  test('or one of the list, with the secret in a file', () => {
    expect(issuersOf({ ...FIRST, ...list(b) })[1]?.introspection).toEqual({
      url: 'https://b.example/ask',
      clientId: 'bff',
      clientSecret: { file: secretFile },
      secretSetting: 'AUTH_ISSUERS[0].introspection.clientSecretFile',
    });
  });

  test.each<[string, Environment, string[]]>([
    ['two of them', { ...FIRST, ...CLIENT, ...list(b) }, [`AUTH_ISSUERS[0].introspection: ${ONE_ONLY}`]],
    [
      'two of the list',
      { ...FIRST, ...list(b, { ...b, issuer: 'https://c.example' }) },
      [`AUTH_ISSUERS[1].introspection: ${ONE_ONLY}`],
    ],
    [
      'one with its secret in the list',
      { ...FIRST, ...list({ ...b, introspection: { ...b.introspection, clientSecret: 'hunter2' } }) },
      ['AUTH_ISSUERS[0].introspection: has a member that no issuer has'],
    ],
    [
      'one with a file that is not there',
      { ...FIRST, ...list({ ...b, introspection: { ...b.introspection, clientSecretFile: '/nowhere' } }) },
      ["AUTH_ISSUERS[0].introspection.clientSecretFile: the file can't be read (ENOENT)"],
    ],
    [
      'one with a name and no secret',
      { ...FIRST, AUTH_INTROSPECTION_CLIENT_ID: 'bff' },
      [
        'AUTH_INTROSPECTION_CLIENT_ID, AUTH_INTROSPECTION_CLIENT_SECRET: each needs the other (or AUTH_INTROSPECTION_CLIENT_SECRET_FILE)',
      ],
    ],
    [
      'one with an address alone',
      { ...FIRST, AUTH_INTROSPECTION_URL: 'https://a.example/ask' },
      ['AUTH_INTROSPECTION_URL: needs AUTH_INTROSPECTION_CLIENT_ID'],
    ],
    [
      'one with its secret twice',
      { ...FIRST, ...CLIENT, AUTH_INTROSPECTION_CLIENT_SECRET_FILE: secretFile },
      [
        'AUTH_INTROSPECTION_CLIENT_SECRET, AUTH_INTROSPECTION_CLIENT_SECRET_FILE: only one of them may be set',
      ],
    ],
    [
      'none that is named',
      { ...CLIENT, AUTH_AUDIENCE: 'x', ...list({ issuer: 'https://b.example' }) },
      [
        'AUTH_INTROSPECTION_CLIENT_ID: needs AUTH_ISSUER',
        'AUTH_INTROSPECTION_CLIENT_SECRET: needs AUTH_ISSUER',
      ],
    ],
  ])('can not be %s', (_what, environment, faults) => {
    expect(faultsOf(environment)).toEqual(faults);
  });
});

describe('faults of a list', () => {
  test('are told together, each with its place', () => {
    expect(
      faultsOf({
        ...FIRST,
        PORT: 'eighty',
        ...list(
          { issuer: 'b.example' },
          { issuer: 'https://u:p@c.example', audience: '', algorithms: ['RS256', 'none'], userClaim: ' ' },
          { audience: 'x', jwksUrl: 'file:///etc/passwd', requiredScope: 'a b', secret: 'hunter2' },
        ),
      }),
    ).toEqual([
      'PORT: must be a whole number',
      'AUTH_ISSUERS[0].issuer: must be an address that starts with http:// or https://',
      'AUTH_ISSUERS[1].issuer: must hold no user name and no password',
      'AUTH_ISSUERS[1].audience: must not be empty',
      expect.stringMatching(/^AUTH_ISSUERS\[1\]\.algorithms\[1\]: must be asymmetric/),
      'AUTH_ISSUERS[1].userClaim: must not be empty',
      expect.stringMatching(/^AUTH_ISSUERS\[2\]\.issuer: /),
      'AUTH_ISSUERS[2].jwksUrl: must be an address that starts with http:// or https://',
      'AUTH_ISSUERS[2].requiredScope: must be one scope (RFC 6749, 3.3)',
      'AUTH_ISSUERS[2]: has a member that no issuer has',
    ]);
  });

  test.each([
    ['no list', 'issuer: https://b.example'],
    ['text', 'https://b.example'],
    ['no YAML', '[{'],
    ['two documents', '[]\n---\n[]'],
    ['a key twice', '[{"issuer": "https://b.example", "issuer": "https://c.example"}]'],
    ['a type of its own', '!!js/function []'],
    ['a list in a list', '[[]]'],
  ])('are told of one that is %s', (_what, text) => {
    expect(faultsOf({ ...FIRST, AUTH_ISSUERS: text })).toEqual([
      expect.stringMatching(/^AUTH_ISSUERS(?:\[0\])?: /),
    ]);
  });

  test('are told of none and of too many', () => {
    expect(faultsOf({ ...FIRST, ...list() })).toEqual(['AUTH_ISSUERS: must name at least one issuer']);
    const many = Array.from({ length: 21 }, (_, index) => ({ issuer: `https://${index}.example` }));
    expect(faultsOf({ ...FIRST, ...list(...many) })).toEqual(['AUTH_ISSUERS: must name at most 20 issuers']);
    expect(faultsOf({ ...FIRST, ...list(...many.slice(1)) })).toEqual([]);
  });

  test('are told of an issuer that is named twice, and of no two that differ', () => {
    const [a, b] = [{ issuer: 'https://a.example' }, { issuer: 'https://b.example' }];
    expect(faultsOf({ ...FIRST, ...list(a, b, b) })).toEqual([
      'AUTH_ISSUERS[0].issuer: is named before',
      'AUTH_ISSUERS[2].issuer: is named before',
    ]);
    expect(faultsOf({ ...FIRST, ...list({ issuer: 'https://a.example/' }) })).toEqual([]);
  });

  test('are told of what lacks or excludes something else', () => {
    const b = { issuer: 'https://b.example' };
    expect(faultsOf(list(b))).toEqual(['AUTH_ISSUERS[0].audience: is required (or AUTH_AUDIENCE)']);
    const { AUTH_ISSUER } = FIRST;
    expect(faultsOf({ AUTH_ISSUER, ...list({ ...b, audience: 'x' }) })).toEqual([
      'AUTH_AUDIENCE: is required',
    ]);
    const jwksUrl = 'https://b.example/keys';
    expect(faultsOf({ AUTH_AUDIENCE: 'bff', AUTH_JWKS_URL: jwksUrl, ...list(b) })).toEqual([
      'AUTH_JWKS_URL: needs AUTH_ISSUER',
    ]);
    const jwksFile = file('jwks.json', '{"keys":[]}');
    expect(faultsOf({ ...FIRST, ...list({ ...b, jwksUrl, jwksFile }) })).toEqual([
      'AUTH_ISSUERS[0].jwksUrl, AUTH_ISSUERS[0].jwksFile: only one of them may be set',
    ]);
    expect(
      faultsOf({ ...FIRST, ...list(b), AUTH_ISSUERS_FILE: file('b.json', JSON.stringify([b])) }),
    ).toEqual(['AUTH_ISSUERS, AUTH_ISSUERS_FILE: only one of them may be set']);
  });

  test('are told of files that are missing or hold something else', () => {
    expect(faultsOf({ ...FIRST, AUTH_ISSUERS_FILE: join(folder, 'nowhere') })).toEqual([
      "AUTH_ISSUERS_FILE: the file can't be read (ENOENT)",
    ]);
    const path = file('wrong.yaml', 'hunter2');
    expect(faultsOf({ ...FIRST, AUTH_ISSUERS_FILE: path })).toEqual([
      'AUTH_ISSUERS_FILE: must be a list of issuers, in YAML or JSON',
    ]);
    expect(faultsOf({ ...FIRST, ...list({ issuer: 'https://b.example', jwksFile: path }) })).toEqual([
      'AUTH_ISSUERS[0].jwksFile: the file holds no usable JWKS',
    ]);
  });
});

describe('config/issuers.example.yaml', () => {
  const text = readFileSync('config/issuers.example.yaml', 'utf8');

  test('is a list that the service takes', () => {
    const here = text.replace('/run/secrets/introspection', file('example-secret', 'a secret'));
    expect(here).not.toBe(text);
    expect(issuersOf({ AUTH_ISSUERS_FILE: file('example.yaml', here) })).toHaveLength(parse(text).length);
  });

  test('explains every member that an issuer may have, and no other', () => {
    const [first] = parse(text);
    expect(Object.keys(first)).toEqual(ISSUER_MEMBERS);
    expect(Object.keys(first.introspection)).toEqual(INTROSPECTION_MEMBERS);
    for (const member of INTROSPECTION_MEMBERS) {
      expect(text, member).toMatch(new RegExp(`\\n {4}# [^\\n]+\\.\\n {4}${member}: `));
    }
    for (const member of ISSUER_MEMBERS) {
      expect(text, member).toMatch(new RegExp(`\\n(?: {2}|- )# [^\\n]+\\.\\n {2}${member}:[ \\n]`));
    }
  });
});
