import { parseDocument } from 'yaml';
import { z } from 'zod';
import { isJwksText } from './auth/jwks.ts';
import { fileFault, type SecretSource, secretSource } from './config-files.ts';
import {
  algorithms,
  clientCredential,
  isUsableClientSecret,
  list,
  optional,
  type Settings,
  scope,
  text,
  webUrl,
} from './config-schema.ts';

/** One whose tokens let their users in. */
export interface IssuerSettings {
  /** Where it stands in the settings: `AUTH_ISSUER`, `AUTH_ISSUERS[0]`, `AUTH_ISSUERS_FILE[0]`. */
  readonly setting: string;
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string | undefined;
  readonly jwksFile: string | undefined;
  readonly algorithms: readonly string[];
  readonly userClaim: string;
  readonly tenantClaim: string | undefined;
  readonly planClaim: string | undefined;
  readonly requiredScope: string | undefined;
  /** Whether its word is taken on who may say whose a project is. */
  readonly mayAssignOwners: boolean;
  /** `undefined` where its opaque tokens are not taken. */
  readonly introspection: IntrospectionSettings | undefined;
}

export interface IntrospectionSettings {
  /** `undefined` where the issuer's metadata says it. */
  readonly url: string | undefined;
  readonly clientId: string;
  readonly clientSecret: SecretSource;
  /** The variable, or the place in a list, of the secret's file. */
  readonly secretSetting: string;
}

/** A list that the environment holds, or names a file of. */
export interface IssuerListSource {
  readonly setting: 'AUTH_ISSUERS' | 'AUTH_ISSUERS_FILE';
  readonly text: string;
}

/** Each has keys, a fetch and a gauge of its own. */
const MAX_ISSUERS = 20;

// The name of what is unknown may be a secret in the wrong place.
const unknownMember = {
  error: ({ code }: { readonly code?: string | undefined }) =>
    code === 'unrecognized_keys' ? 'has a member that no issuer has' : undefined,
};

/** A secret stands in a file alone: a list can be shown. */
const introspectionSchema = z.strictObject(
  { clientId: clientCredential, clientSecretFile: text, url: optional(webUrl) },
  unknownMember,
);

/** `null` takes back what an AUTH_* setting says; what is left out, is as that setting says. */
const entrySchema = z.strictObject(
  {
    issuer: webUrl,
    audience: optional(text),
    jwksUrl: optional(webUrl),
    jwksFile: optional(text),
    algorithms: z
      .union([list, z.array(z.string())], { error: 'must be a list of algorithms' })
      .pipe(algorithms)
      .optional(),
    userClaim: text.optional(),
    tenantClaim: text.nullish(),
    planClaim: text.nullish(),
    requiredScope: scope.nullish(),
    mayAssignOwners: z.boolean({ error: 'must be true or false' }).optional(),
    introspection: optional(introspectionSchema),
  },
  unknownMember,
);
export const ISSUER_MEMBERS = Object.keys(entrySchema.shape);
export const INTROSPECTION_MEMBERS = Object.keys(introspectionSchema.shape);
type Entry = z.output<typeof entrySchema>;

const listSchema = z
  .array(entrySchema, { error: 'must be a list of issuers, in YAML or JSON' })
  .min(1, 'must name at least one issuer')
  .max(MAX_ISSUERS, `must name at most ${MAX_ISSUERS} issuers`);

/**
 * Reads a list of issuers.
 *
 * @param named what the AUTH_* settings say, as far as it matters to faults
 * @returns faults as `AUTH_ISSUERS[1].audience: …`, with no value in them
 */
export function readIssuerList(
  source: IssuerListSource,
  named: {
    readonly issuer: string | undefined;
    readonly hasAudience: boolean;
    readonly introspects: boolean;
  },
): { readonly entries: readonly Entry[]; readonly faults: readonly string[] } {
  const parsed = listSchema.safeParse(parseYaml(source.text));
  if (!parsed.success) {
    return {
      entries: [],
      faults: parsed.error.issues.map(({ path, message }) => `${place(source.setting, path)}: ${message}`),
    };
  }
  const entries = parsed.data;
  const before = new Set(named.issuer === undefined ? [] : [named.issuer]);
  let introspects = named.introspects;
  const faults = entries.flatMap(({ issuer, audience, jwksUrl, jwksFile, introspection }, index) => {
    const at = (...path: string[]) => place(source.setting, [index, ...path]);
    const found: string[] = [];
    if (before.has(issuer)) found.push(`${at('issuer')}: is named before`);
    before.add(issuer);
    if (audience === undefined && !named.hasAudience) {
      found.push(`${at('audience')}: is required (or AUTH_AUDIENCE)`);
    }
    if (jwksUrl !== undefined && jwksFile !== undefined) {
      found.push(`${at('jwksUrl')}, ${at('jwksFile')}: only one of them may be set`);
    }
    if (introspection !== undefined && introspects) {
      found.push(
        `${at('introspection')}: only one issuer can be asked, since it is shown every opaque token`,
      );
    }
    introspects ||= introspection !== undefined;
    const secretFile = introspection?.clientSecretFile;
    return [
      ...found,
      ...fileFault(at('jwksFile'), jwksFile, isJwksText, 'JWKS'),
      ...fileFault(at('introspection', 'clientSecretFile'), secretFile, isUsableClientSecret, 'secret'),
    ];
  });
  return { entries, faults };
}

/** All issuers: that of the AUTH_* settings, where there is one, and those of the list, with the rest of these settings as defaults. */
export function issuerSettings(
  auth: Settings['auth'],
  source: IssuerListSource | undefined,
  entries: readonly Entry[],
): IssuerSettings[] {
  const { issuer, audience, jwksUrl, jwksFile, userClaim, tenantClaim, planClaim, requiredScope } = auth;
  const common = { algorithms: auth.algorithms, userClaim, tenantClaim, planClaim, requiredScope };
  const first =
    issuer === undefined || audience === undefined
      ? []
      : [
          {
            setting: 'AUTH_ISSUER',
            issuer,
            audience,
            jwksUrl,
            jwksFile,
            ...common,
            mayAssignOwners: true,
            introspection: introspectionOf(auth),
          },
        ];
  const listed = source?.setting ?? 'AUTH_ISSUERS';
  const more = entries.map((entry, index) => ({
    setting: place(listed, [index]),
    issuer: entry.issuer,
    audience: entry.audience ?? audience ?? '',
    jwksUrl: entry.jwksUrl,
    jwksFile: entry.jwksFile,
    algorithms: entry.algorithms ?? common.algorithms,
    userClaim: entry.userClaim ?? common.userClaim,
    tenantClaim: entry.tenantClaim === undefined ? common.tenantClaim : (entry.tenantClaim ?? undefined),
    planClaim: entry.planClaim === undefined ? common.planClaim : (entry.planClaim ?? undefined),
    requiredScope:
      entry.requiredScope === undefined ? common.requiredScope : (entry.requiredScope ?? undefined),
    // The company's own is the first; another may be a partner's, and such a token could take any project from anybody.
    mayAssignOwners: entry.mayAssignOwners ?? first.length + index === 0,
    introspection: entry.introspection && {
      url: entry.introspection.url,
      clientId: entry.introspection.clientId,
      clientSecret: { file: entry.introspection.clientSecretFile },
      secretSetting: place(listed, [index, 'introspection', 'clientSecretFile']),
    },
  }));
  return [...first, ...more];
}

function introspectionOf(auth: Settings['auth']): IntrospectionSettings | undefined {
  const { introspectionClientId: clientId, introspectionUrl: url } = auth;
  const clientSecret = secretSource(auth.introspectionClientSecret, auth.introspectionClientSecretFile);
  const secretSetting = 'AUTH_INTROSPECTION_CLIENT_SECRET_FILE';
  return clientId === undefined || clientSecret === undefined
    ? undefined
    : { url, clientId, clientSecret, secretSetting };
}

/** @returns `undefined`, which no list is, where it can't be read in one way */
function parseYaml(text: string): unknown {
  try {
    const document = parseDocument(text);
    return document.errors.length > 0 || document.warnings.length > 0 ? undefined : document.toJS();
  } catch {
    return undefined;
  }
}

/** `AUTH_ISSUERS[1].audience` */
function place(setting: string, path: readonly PropertyKey[]): string {
  return `${setting}${path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')}`;
}
