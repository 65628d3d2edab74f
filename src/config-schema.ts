import { z } from 'zod';
import { parseKeyValues } from './key-values.ts';

/** Node's timers hold 32 bits: a longer time would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

const wholeNumber = (min: number, max: number) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,15}$/)
          .transform(Number),
      ],
      { error: 'must be a whole number' },
    )
    .pipe(z.number().int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`));

const ratio = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^(?:\d{1,3}(?:\.\d{1,9})?|\.\d{1,9})$/)
        .transform(Number),
    ],
    {
      error: 'must be a number from 0 to 1 such as 0.01',
    },
  )
  .pipe(z.number().min(0, 'must be at least 0').max(1, 'must be at most 1'));

const seconds = (min = 0) => wholeNumber(min, Math.floor(MAX_TIMER_MS / 1000));
const milliseconds = (min = 0) => wholeNumber(min, MAX_TIMER_MS);

export const text = z.string().trim().min(1, 'must not be empty');
export const optional = <T extends z.ZodType>(type: T) =>
  type.nullish().transform((value) => value ?? undefined);

export const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);
const optionalList = optional(list).transform((items) => items ?? []);

const url = (protocols: readonly string[]) =>
  z
    .string()
    .trim()
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: `must be an address that starts with ${protocols.map((name) => `${name}//`).join(' or ')}`,
    });
/** User info would be sent to, or compared with, whoever answers there; Node's fetch refuses it, too. */
export const webUrl = url(['http:', 'https:']).refine(
  (value) => !URL.canParse(value) || new URL(value).username + new URL(value).password === '',
  { error: 'must hold no user name and no password' },
);

const origin = z.string().refine((value) => URL.canParse(value) && new URL(value).origin === value, {
  error: 'must be exact origins such as https://app.example.com, without a path or a trailing slash',
});

const address = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'must be addresses or CIDR ranges such as 10.0.0.0/8; `true`, names and counts are refused',
});

const node = z.string().transform((value, context) => {
  const match = /^(?<host>\[[0-9a-fA-F:.]+\]|[^\s:/@]+):(?<port>\d{1,5})$/.exec(value);
  const port = Number(match?.groups?.port);
  if (match?.groups?.host === undefined || port < 1 || port > 65_535) {
    context.addIssue({ code: 'custom', message: 'must be host:port, comma-separated' });
    return z.NEVER;
  }
  return { host: match.groups.host.replace(/^\[|\]$/g, ''), port };
});
const nodes = optionalList.pipe(z.array(node));

/** Asymmetric JWS algorithms (RFC 7518, RFC 8037); `none` and HMAC would let a caller sign for itself. */
const algorithm = z.enum(
  ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  { error: 'must be asymmetric JWS algorithms such as RS256; none and HMAC are refused' },
);

const accessPolicy = z.enum(['authenticated', 'tenant', 'owner'], {
  error: 'must be authenticated, tenant or owner',
});

/** A key goes into a header, where visible ASCII alone can stand; white space around it is no part of it. */
const visibleAscii = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces');

/** 256 bits in base64url. */
const encryptionKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be keys of 32 bytes in base64url');
const encryptionKeys = z
  .string()
  .transform((value) => value.split(/[\s,]+/).filter((item) => item !== ''))
  .pipe(z.array(encryptionKey).min(1, 'must have at least one key'));

/** Those that a login always has, and those that would put others in their place. */
const OWN_PARAMETERS = [
  'client_id',
  'response_type',
  'response_mode',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'request',
  'request_uri',
];

const LOCAL_HOSTS = ['localhost', '127.0.0.1', '[::1]'];
/** Browsers keep a cookie of `__Host-` only over TLS, or on this machine. */
const secureOrigin = origin.refine(
  (value) =>
    !URL.canParse(value) ||
    new URL(value).protocol === 'https:' ||
    (new URL(value).protocol === 'http:' && LOCAL_HOSTS.includes(new URL(value).hostname)),
  { error: 'must begin with https://, but for this machine itself' },
);

/** Long enough that nobody guesses it, and that it stands nowhere by chance. */
const webhookSecret = visibleAscii.min(8, 'must have at least 8 characters');

/** RFC 6749, appendix A.1 and A.2. */
export const clientCredential = z
  .string()
  .trim()
  .regex(/^[\x20-\x7e]+$/, 'must be visible ASCII characters');

const keyValues = optionalList.transform((items, context) => {
  const parsed = parseKeyValues(items);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: 'must be key=value, comma-separated, percent-encoded' });
  return z.NEVER;
});

/** How many requests a user may make whose plan has that name. */
const plans = optionalList.transform((items, context) => {
  const parsed = items.map((item) => /^([A-Za-z0-9._-]{1,64})=([1-9]\d{0,8})$/.exec(item));
  const named = parsed.flatMap((match) =>
    match === null ? [] : [[match[1] ?? '', Number(match[2])] as const],
  );
  if (named.length === items.length && new Set(named.map(([name]) => name)).size === items.length)
    return new Map(named);
  context.addIssue({ code: 'custom', message: 'must be name=requests, comma-separated, each name once' });
  return z.NEVER;
});

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export const algorithms = z.array(algorithm).min(1, 'must name at least one algorithm');
export const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be one scope (RFC 6749, 3.3)');

/** The shape of config/default.yaml, with what the environment may put in its places. */
export const settingsSchema = z.object({
  upstream: z.object({
    apiKey: optional(visibleAscii),
    apiKeyFile: optional(text),
    nextApiKey: optional(visibleAscii),
    nextApiKeyFile: optional(text),
    baseUrl: webUrl,
    timeoutMs: milliseconds(1),
    retries: wholeNumber(0, 10),
    deadlineMs: milliseconds(1),
    maxConcurrency: wholeNumber(1, 10_000),
    maxQueue: wholeNumber(0, 100_000),
    maxResponseBytes: wholeNumber(1024, 64 * 1024 * 1024),
    budgetMax: optional(wholeNumber(1, 1_000_000_000)),
    budgetTenantShare: ratio.refine((share) => share > 0, { error: 'must be more than 0' }),
  }),
  http: z.object({
    host: text,
    port: wholeNumber(0, 65_535),
    corsOrigins: optionalList.pipe(z.array(origin)),
    trustProxy: optionalList.pipe(z.array(address)),
  }),
  ops: z.object({ host: text, port: wholeNumber(0, 65_535) }),
  redis: z.object({
    url: optional(url(['redis:', 'rediss:'])),
    clusterNodes: nodes,
    sentinelNodes: nodes,
    sentinelName: optional(text),
    keyPrefix: z.string().regex(/^[^\s{}]*$/, 'must hold no white space and no braces'),
    commandTimeoutMs: milliseconds(1),
  }),
  auth: z.object({
    issuer: optional(webUrl),
    audience: optional(text),
    jwksUrl: optional(webUrl),
    jwksFile: optional(text),
    algorithms: list.pipe(algorithms),
    userClaim: text,
    tenantClaim: optional(text),
    planClaim: optional(text),
    requiredScope: optional(scope),
    issuers: optional(z.string()),
    issuersFile: optional(text),
    introspectionClientId: optional(clientCredential),
    introspectionClientSecret: optional(clientCredential),
    introspectionClientSecretFile: optional(text),
    introspectionUrl: optional(webUrl),
    introspectionCacheSeconds: seconds(),
    dpopPublicUrl: optional(
      webUrl.refine((value) => !/[?#]/.test(value), { error: 'must have no query and no fragment' }),
    ),
    accessPolicy,
    ownerTtlSeconds: wholeNumber(0, 10 * 365 * 86_400),
  }),
  session: z.object({
    clientId: optional(text),
    clientSecret: optional(visibleAscii),
    clientSecretFile: optional(text),
    clientAuthMethod: z.enum(['client_secret_basic', 'client_secret_post'], {
      error: 'must be client_secret_basic or client_secret_post',
    }),
    baseUrl: optional(secureOrigin),
    encryptionKeys: optional(encryptionKeys),
    encryptionKeysFile: optional(text),
    scopes: z
      .string()
      .regex(
        /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/,
        'must be scopes with spaces between them',
      )
      .transform((value) => value.split(' '))
      .refine((scopes) => scopes.includes('openid'), { error: 'must have openid among them' }),
    authorizationParameters: keyValues.refine((given) => !OWN_PARAMETERS.some((name) => name in given), {
      error: `must leave out ${OWN_PARAMETERS.join(', ')}`,
    }),
    idleSeconds: seconds(60),
    maxSeconds: seconds(60),
  }),
  rateLimit: z.object({
    max: wholeNumber(1, 1_000_000_000),
    windowSeconds: seconds(1),
    ipMax: wholeNumber(1, 1_000_000_000),
    plans,
    tenantMax: optional(wholeNumber(1, 1_000_000_000)),
    upstreamMax: optional(wholeNumber(1, 1_000_000_000)),
    expectedReplicas: wholeNumber(1, 10_000),
    notFoundMax: wholeNumber(0, 10_000),
    notFoundWindowSeconds: seconds(1),
  }),
  cache: z.object({
    expiryMarginSeconds: seconds(),
    terminalTtlSeconds: seconds(),
    pendingTtlMs: milliseconds(),
    notFoundTtlSeconds: seconds(),
    memoryMaxBytes: wholeNumber(0, 1024 * 1024 * 1024 * 64),
    memoryTtlSeconds: seconds(),
  }),
  webhooks: z.object({
    secret: optional(webhookSecret),
    secretFile: optional(text),
    nextSecret: optional(webhookSecret),
    nextSecretFile: optional(text),
    toleranceSeconds: wholeNumber(1, 86_400),
  }),
  watch: z.object({
    minIntervalMs: milliseconds(1),
    maxIntervalMs: milliseconds(1),
  }),
  events: z.object({ maxStreamsPerUser: wholeNumber(0, 10_000) }),
  log: z.object({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    }),
    hitSampleRatio: ratio,
  }),
  shutdown: z.object({ delaySeconds: seconds(), graceSeconds: seconds(1) }),
  tracing: z.object({
    endpoint: optional(webUrl),
    headers: keyValues,
    serviceName: text,
    sampler: z.enum(SAMPLERS, { error: `must be ${SAMPLERS.slice(0, -1).join(', ')} or ${SAMPLERS.at(-1)}` }),
    samplerArg: ratio,
    resourceAttributes: keyValues,
  }),
});

export type Settings = z.output<typeof settingsSchema>;

/** Whether the content of a file is a secret that can be sent. */
export function isUsableSecret(content: string): boolean {
  return visibleAscii.safeParse(content).success;
}

/** The same of a webhook's secret. */
export function isUsableWebhookSecret(content: string): boolean {
  return webhookSecret.safeParse(content).success;
}

/** The same of keys that sessions are encrypted with, and the keys. */
export function readEncryptionKeys(content: string): readonly string[] | undefined {
  return encryptionKeys.safeParse(content).data;
}

/** The same of a client's secret at an issuer. */
export function isUsableClientSecret(content: string): boolean {
  return clientCredential.safeParse(content).success;
}
