import type { readIssuerList } from './config-issuers.ts';
import { settingsSchema } from './config-schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

type IssuerEntries = ReturnType<typeof readIssuerList>['entries'];

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

/**
 * Faults between settings, found on what was set itself so that they stand beside a setting's own faults.
 *
 * @param settings the defaults with the environment over them, not yet parsed
 * @param entries of the list of issuers
 */
export function relationFaults(
  environment: Environment,
  settings: unknown,
  entries: IssuerEntries,
): string[] {
  return [
    ...presenceFaults(environment),
    ...claimFaults(environment, entries),
    ...timeFaults(settings),
    ...intervalFaults(settings),
    ...sessionTimeFaults(settings),
  ];
}

/** Faults of settings that need another, or bear no other beside them. */
function presenceFaults(environment: Environment): string[] {
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
function claimFaults(environment: Environment, entries: IssuerEntries): string[] {
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
