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

export type Environment = Readonly<Record<string, string | undefined>>;

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
    ...relationFaults(environment),
    ...claimFaults(environment, issuers.entries),
    ...timeFaults(settings),
    ...intervalFaults(settings),
    ...sessionTimeFaults(settings),
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

const WEBHOOK_FIRST = ['WEBHOOK_SECRET', 'WEBHOOK_SECRET_FILE'] as const;
const WEBHOOK_NEXT = ['WEBHOOK_SECRET_NEXT', 'WEBHOOK_SECRET_NEXT_FILE'] as const;

const SESSION_SECRET = ['SESSION_CLIENT_SECRET', 'SESSION_CLIENT_SECRET_FILE'] as const;
const SESSION_KEYS = ['SESSION_ENCRYPTION_KEYS', 'SESSION_ENCRYPTION_KEYS_FILE'] as const;
const REDIS = ['REDIS_URL', 'REDIS_CLUSTER_NODES', 'REDIS_SENTINEL_NODES'] as const;
/** What these say, they say of no other issuer. */
const OF_AUTH_ISSUER = [
  'AUTH_JWKS_URL',
  'AUTH_JWKS_FILE',
  'AUTH_INTROSPECTION_CLIENT_ID',
  'AUTH_INTROSPECTION_CLIENT_SECRET',
  'AUTH_INTROSPECTION_CLIENT_SECRET_FILE',
  'AUTH_INTROSPECTION_URL',
];
const INTROSPECTION_SECRET = [
  'AUTH_INTROSPECTION_CLIENT_SECRET',
  'AUTH_INTROSPECTION_CLIENT_SECRET_FILE',
] as const;

/** An empty variable counts as one that is not set. */
function isSetIn(environment: Environment): (name: string) => boolean {
  return (name) => (environment[name] ?? '') !== '';
}

/** Faults between settings, found on the environment itself so that they stand beside a setting's own faults. */
function relationFaults(environment: Environment): string[] {
  const isSet = isSetIn(environment);
  const atMostOne = (...names: string[]) =>
    names.filter(isSet).length > 1 ? [`${names.join(', ')}: only one of them may be set`] : [];
  const faults: string[] = [];
  if (!isSet('MAGIC_HOUR_API_KEY') && !isSet('MAGIC_HOUR_API_KEY_FILE')) {
    faults.push('MAGIC_HOUR_API_KEY: is required (or MAGIC_HOUR_API_KEY_FILE)');
  }
  const hasList = isSet('AUTH_ISSUERS') || isSet('AUTH_ISSUERS_FILE');
  if (isSet('AUTH_ISSUER') || !hasList) {
    for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE']) {
      if (!isSet(name)) faults.push(`${name}: is required`);
    }
  } else {
    for (const name of OF_AUTH_ISSUER.filter(isSet)) faults.push(`${name}: needs AUTH_ISSUER`);
  }
  if (isSet('AUTH_INTROSPECTION_CLIENT_ID') !== INTROSPECTION_SECRET.some(isSet)) {
    faults.push(
      'AUTH_INTROSPECTION_CLIENT_ID, AUTH_INTROSPECTION_CLIENT_SECRET: each needs the other (or AUTH_INTROSPECTION_CLIENT_SECRET_FILE)',
    );
  }
  if (isSet('AUTH_INTROSPECTION_URL') && !isSet('AUTH_INTROSPECTION_CLIENT_ID')) {
    faults.push('AUTH_INTROSPECTION_URL: needs AUTH_INTROSPECTION_CLIENT_ID');
  }
  if (isSet('REDIS_SENTINEL_NODES') !== isSet('REDIS_SENTINEL_NAME')) {
    faults.push('REDIS_SENTINEL_NODES, REDIS_SENTINEL_NAME: each needs the other');
  }
  if (WEBHOOK_NEXT.some(isSet) && !WEBHOOK_FIRST.some(isSet)) {
    faults.push('WEBHOOK_SECRET: is required where there is a next one (or WEBHOOK_SECRET_FILE)');
  }
  const sessionParts = [['SESSION_CLIENT_ID'], SESSION_SECRET, ['SESSION_BASE_URL']];
  if ([...sessionParts, SESSION_KEYS].some((names) => names.some(isSet))) {
    for (const [name, file] of sessionParts) {
      if (name === undefined || isSet(name) || (file !== undefined && isSet(file))) continue;
      faults.push(`${name}: is required for sessions${file === undefined ? '' : ` (or ${file})`}`);
    }
    if (!REDIS.some(isSet)) faults.push('REDIS_URL: is required for sessions, which are kept nowhere else');
  }
  return [
    ...faults,
    ...atMostOne(...SESSION_SECRET),
    ...atMostOne(...SESSION_KEYS),
    ...atMostOne('MAGIC_HOUR_API_KEY', 'MAGIC_HOUR_API_KEY_FILE'),
    ...atMostOne('MAGIC_HOUR_API_KEY_NEXT', 'MAGIC_HOUR_API_KEY_NEXT_FILE'),
    ...atMostOne(...WEBHOOK_FIRST),
    ...atMostOne(...WEBHOOK_NEXT),
    ...atMostOne('AUTH_JWKS_URL', 'AUTH_JWKS_FILE'),
    ...atMostOne('AUTH_ISSUERS', 'AUTH_ISSUERS_FILE'),
    ...atMostOne(...INTROSPECTION_SECRET),
    ...atMostOne(...REDIS),
  ];
}

/** Faults of what needs a claim that no issuer's tokens have. */
function claimFaults(environment: Environment, entries: ReturnType<typeof issuersOf>['entries']): string[] {
  const isSet = isSetIn(environment);
  const hasTenants = isSet('AUTH_TENANT_CLAIM') || entries.some(({ tenantClaim }) => tenantClaim != null);
  const hasPlans = isSet('AUTH_PLAN_CLAIM') || entries.some(({ planClaim }) => planClaim != null);
  const faults: string[] = [];
  if (environment.ACCESS_POLICY === 'tenant' && !hasTenants) {
    faults.push('AUTH_TENANT_CLAIM: is required where ACCESS_POLICY is tenant');
  }
  if (isSet('RATE_LIMIT_TENANT_MAX') && !hasTenants) {
    faults.push('AUTH_TENANT_CLAIM: is required where RATE_LIMIT_TENANT_MAX is set');
  }
  if (isSet('RATE_LIMIT_PLANS') ? !hasPlans : isSet('AUTH_PLAN_CLAIM')) {
    faults.push('AUTH_PLAN_CLAIM, RATE_LIMIT_PLANS: each needs the other');
  }
  return faults;
}

function timeFaults(settings: unknown): string[] {
  const { success, data } = settingsSchema.pick({ shutdown: true }).safeParse(settings);
  return !success || data.shutdown.delaySeconds < data.shutdown.graceSeconds
    ? []
    : ['SHUTDOWN_DELAY_SECONDS: must be less than SHUTDOWN_GRACE_SECONDS, which is for the whole stop'];
}

function intervalFaults(settings: unknown): string[] {
  const { success, data } = settingsSchema.pick({ watch: true }).safeParse(settings);
  return !success || data.watch.minIntervalMs <= data.watch.maxIntervalMs
    ? []
    : ['WATCH_INTERVAL_MAX_MS: must be no less than WATCH_INTERVAL_MIN_MS'];
}

function sessionTimeFaults(settings: unknown): string[] {
  const { success, data } = settingsSchema.pick({ session: true }).safeParse(settings);
  return !success || data.session.idleSeconds <= data.session.maxSeconds
    ? []
    : ['SESSION_MAX_SECONDS: must be no less than SESSION_IDLE_SECONDS'];
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
