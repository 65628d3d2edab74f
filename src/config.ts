import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { isJwksText } from './auth/jwks.ts';
import { fileFault, readTextFile, type SecretSource, secretSource } from './config-files.ts';
import {
  type IssuerListSource,
  type IssuerSettings,
  issuerSettings,
  readIssuerList,
} from './config-issuers.ts';
import { type Environment, relationFaults } from './config-relations.ts';
import {
  isUsableClientSecret,
  isUsableSecret,
  isUsableWebhookSecret,
  readEncryptionKeys,
  type Settings,
  settingsSchema,
} from './config-schema.ts';

const CONFIG_FOLDER = new URL('../config/', import.meta.url);

const groupsOf = <T extends z.ZodType>(leaf: T) => z.record(z.string(), z.record(z.string(), leaf));
const defaultsSchema = groupsOf(z.union([z.string(), z.number(), z.null()]));
const variablesSchema = groupsOf(z.string());
type Variables = z.output<typeof variablesSchema>;

export type { Environment };

export interface Config extends Omit<Settings, 'auth' | 'upstream' | 'webhooks' | 'session'> {
  readonly auth: Pick<
    Settings['auth'],
    'accessPolicy' | 'ownerTtlSeconds' | 'introspectionCacheSeconds' | 'dpopPublicUrl'
  > & {
    /** All whose tokens let their users in; the first is meant where none is named. */
    readonly issuers: readonly [IssuerSettings, ...IssuerSettings[]];
  };
  readonly upstream: Omit<Settings['upstream'], 'apiKey' | 'apiKeyFile' | 'nextApiKey' | 'nextApiKeyFile'> & {
    readonly apiKey: SecretSource;
    readonly nextApiKey: SecretSource | undefined;
  };
  /** `undefined` where no webhooks are taken. */
  readonly webhooks: WebhookSettings | undefined;
  /** `undefined` where browsers have no sessions here. */
  readonly session: SessionSettings | undefined;
}

export interface SessionSettings
  extends Pick<
    Settings['session'],
    'clientAuthMethod' | 'scopes' | 'authorizationParameters' | 'idleSeconds' | 'maxSeconds'
  > {
  readonly clientId: string;
  readonly clientSecret: SecretSource;
  readonly baseUrl: string;
  /** Keys as `readEncryptionKeys` reads them; `undefined` where the client's secret stands in. */
  readonly encryptionKeys: SecretSource | undefined;
}

export interface WebhookSettings extends Pick<Settings['webhooks'], 'toleranceSeconds'> {
  readonly secret: SecretSource;
  readonly nextSecret: SecretSource | undefined;
}

/** A configuration that can't be used. `faults` has one line for each fault, each naming its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];
  /** Those that the faults name. */
  readonly variables: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s):\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
    this.faults = faults;
    this.variables = [
      ...new Set(faults.flatMap((fault) => fault.replace(/:.*/s, '').split(', ').map(variableOfPlace))),
    ];
  }
}

/** Of `AUTH_ISSUERS[1].audience`, a place in a list, the variable that holds the list. */
function variableOfPlace(place: string): string {
  return place.replace(/\[.*/s, '');
}

/**
 * The effective configuration: config/default.yaml with the environment over it.
 *
 * @throws ConfigError with all faults at once; no value of a setting stands in it, since it may be a secret.
 */
export function loadConfig(environment: Environment): Config {
  const variables = readVariables();
  const settings = mergeSettings(variables, environment);
  const parsed = settingsSchema.safeParse(settings);
  const issuers = issuersOf(environment);
  const faults = [
    ...(parsed.success
      ? []
      : parsed.error.issues.map((issue) => `${variableOf(variables, issue.path)}: ${issue.message}`)),
    ...relationFaults(environment, settings, issuers.entries),
    ...fileFaults(environment),
    ...issuers.faults,
  ];
  if (!parsed.success || faults.length > 0) throw new ConfigError([...new Set(faults)]);
  return toConfig(parsed.data, issuerSettings(parsed.data.auth, issuers.source, issuers.entries));
}

/** Which environment variable sets which setting, by group and name. */
export function readVariables(): Variables {
  return variablesSchema.parse(readYaml('custom-environment-variables.yaml'));
}

/** The defaults with the environment over them; an empty variable counts as one that is not set. */
function mergeSettings(variables: Variables, environment: Environment) {
  const settings = defaultsSchema.parse(readYaml('default.yaml'));
  for (const [group, names] of Object.entries(variables)) {
    for (const [name, variable] of Object.entries(names)) {
      const value = environment[variable];
      if (value !== undefined && value !== '') settings[group] = { ...settings[group], [name]: value };
    }
  }
  return settings;
}

function readYaml(file: string): unknown {
  return parseYaml(readFileSync(new URL(file, CONFIG_FOLDER), 'utf8'));
}

function variableOf(variables: Variables, [group, name]: readonly PropertyKey[]): string {
  return variables[String(group)]?.[String(name)] ?? `${String(group)}.${String(name)}`;
}

const FILES = {
  MAGIC_HOUR_API_KEY_FILE: { isUsable: isUsableSecret, holds: 'key' },
  MAGIC_HOUR_API_KEY_NEXT_FILE: { isUsable: isUsableSecret, holds: 'key' },
  WEBHOOK_SECRET_FILE: { isUsable: isUsableWebhookSecret, holds: 'secret' },
  WEBHOOK_SECRET_NEXT_FILE: { isUsable: isUsableWebhookSecret, holds: 'secret' },
  SESSION_CLIENT_SECRET_FILE: { isUsable: isUsableSecret, holds: 'secret' },
  SESSION_ENCRYPTION_KEYS_FILE: { isUsable: areUsableKeys, holds: 'keys of 32 bytes in base64url' },
  AUTH_JWKS_FILE: { isUsable: isJwksText, holds: 'JWKS' },
  AUTH_INTROSPECTION_CLIENT_SECRET_FILE: { isUsable: isUsableClientSecret, holds: 'secret' },
};

export function areUsableKeys(content: string): boolean {
  return readEncryptionKeys(content) !== undefined;
}

function fileFaults(environment: Environment): string[] {
  return Object.entries(FILES).flatMap(([name, { isUsable, holds }]) =>
    fileFault(name, environment[name], isUsable, holds),
  );
}

/** The list of issuers that the environment holds or names, if any. */
function issuersOf(environment: Environment): ReturnType<typeof readIssuerList> & {
  readonly source: IssuerListSource | undefined;
} {
  const given = (name: string) => environment[name] || undefined;
  const none = { entries: [], faults: [], source: undefined };
  const file = given('AUTH_ISSUERS_FILE');
  const read = file === undefined ? { text: given('AUTH_ISSUERS') } : readTextFile(file);
  if ('code' in read) {
    return { ...none, faults: [`AUTH_ISSUERS_FILE: the file can't be read (${read.code})`] };
  }
  if (read.text === undefined) return none;
  const source = {
    setting: file === undefined ? 'AUTH_ISSUERS' : 'AUTH_ISSUERS_FILE',
    text: read.text,
  } as const;
  const named = {
    issuer: given('AUTH_ISSUER')?.trim(),
    hasAudience: given('AUTH_AUDIENCE') !== undefined,
    introspects: given('AUTH_INTROSPECTION_CLIENT_ID') !== undefined,
  };
  return { ...readIssuerList(source, named), source };
}

function toConfig(settings: Settings, [issuer, ...more]: readonly IssuerSettings[]): Config {
  const { apiKey, apiKeyFile, nextApiKey, nextApiKeyFile, ...upstream } = settings.upstream;
  const key = secretSource(apiKey, apiKeyFile);
  const { accessPolicy, ownerTtlSeconds, introspectionCacheSeconds, dpopPublicUrl } = settings.auth;
  if (key === undefined || issuer === undefined) {
    throw new ConfigError(['MAGIC_HOUR_API_KEY, AUTH_ISSUER: are required']);
  }
  return {
    ...settings,
    auth: {
      accessPolicy,
      ownerTtlSeconds,
      introspectionCacheSeconds,
      dpopPublicUrl,
      issuers: [issuer, ...more],
    },
    upstream: { ...upstream, apiKey: key, nextApiKey: secretSource(nextApiKey, nextApiKeyFile) },
    webhooks: webhookSettings(settings.webhooks),
    session: sessionSettings(settings.session),
  };
}

function sessionSettings(settings: Settings['session']): SessionSettings | undefined {
  const { clientId, clientSecret, clientSecretFile, baseUrl, encryptionKeys, encryptionKeysFile, ...rest } =
    settings;
  const secret = secretSource(clientSecret, clientSecretFile);
  if (clientId === undefined || secret === undefined || baseUrl === undefined) return undefined;
  const keys = secretSource(encryptionKeys?.join(','), encryptionKeysFile);
  return { ...rest, clientId, baseUrl, clientSecret: secret, encryptionKeys: keys };
}

function webhookSettings(settings: Settings['webhooks']): WebhookSettings | undefined {
  const secret = secretSource(settings.secret, settings.secretFile);
  const nextSecret = secretSource(settings.nextSecret, settings.nextSecretFile);
  return secret && { secret, nextSecret, toleranceSeconds: settings.toleranceSeconds };
}
