/** A secret with bytes that are easy to recognise, wherever they come out. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** Text that came out somewhere. */
export interface Outlet {
  readonly where: string;
  readonly text: string;
}

export const SECRETS = {
  apiKey: 'mhk_4f1d9c/canary~KeyOne+e83b55',
  nextKey: 'mhk_77ab02/canary~KeyTwo+19c0d4',
  webhookSecret: 'whsec_6e0b1a/canary~Hooks+2d97f1',
  introspectionSecret: 'canary/introspection~3c71+Secret',
  opaqueToken: 'canary-opaque~token.4c1d',
  redisPassword: 'canary/redis~Pass+word',
  cookie: 'canary-cookie-value-91e2',
  queryToken: 'canary-query-token-5c5c',
  urlSignature: 'canaryGoogSignature0f0f0f0f',
} as const;

export const SIGNED_URL = `https://videos.magichour.ai/p/output.png?X-Goog-Date=20200101T000000Z&X-Goog-Expires=86400&X-Goog-Signature=${SECRETS.urlSignature}`;

export const CANARIES: readonly Canary[] = [
  { name: 'the key', value: SECRETS.apiKey },
  { name: 'the next key', value: SECRETS.nextKey },
  { name: "the webhooks' secret", value: SECRETS.webhookSecret },
  { name: 'the secret at the issuer', value: SECRETS.introspectionSecret },
  { name: 'the opaque token', value: SECRETS.opaqueToken },
  { name: "Redis' password", value: SECRETS.redisPassword },
  { name: 'the cookie', value: SECRETS.cookie },
  { name: 'the token in the query', value: SECRETS.queryToken },
  { name: "the URL's signature", value: SECRETS.urlSignature },
];

/** How a secret may look once something has encoded it. */
function spellings(value: string): ReadonlyMap<string, string> {
  const bytes = Buffer.from(value);
  const each = (format: (byte: number) => string) => [...bytes].map(format).join('');
  const hex = (byte: number) => byte.toString(16).padStart(2, '0');
  // Inside the base64 of something longer; its first and last characters depend on what is around.
  const inner = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(before + 1, -1),
  );
  return new Map([
    ['as it is', value],
    ['reversed', [...value].reverse().join('')],
    ...inner.map((text, before): [string, string] => [`in base64, ${before} bytes behind`, text]),
    ...inner.map((text, before): [string, string] => [
      `in base64url, ${before} bytes behind`,
      text.replaceAll('+', '-').replaceAll('/', '_'),
    ]),
    ['in hex', bytes.toString('hex')],
    ['percent-encoded', each((byte) => `%${hex(byte)}`)],
    ['percent-encoded as a URL component', encodeURIComponent(value)],
    ['escaped as in JSON', each((byte) => `\\u00${hex(byte)}`)],
  ]);
}

/** What shortens texts leaves one of them whole, and half a secret is too much. */
function halves(value: string): readonly string[] {
  const middle = Math.ceil(value.length / 2);
  return [value.slice(0, middle), value.slice(middle)];
}

/** @returns where a canary was found, be it half of it, and how it looked there */
export function findCanaries(canaries: readonly Canary[], outlets: readonly Outlet[]): string[] {
  return canaries.flatMap(({ name, value }) => {
    const forms = halves(value).flatMap((half) => [...spellings(half)]);
    return outlets.flatMap(({ where, text }) => {
      const lower = text.toLowerCase();
      const form = forms.find(
        ([, spelled]) => text.includes(spelled) || lower.includes(spelled.toLowerCase()),
      );
      return form === undefined ? [] : [`${name} ${form[0]} in ${where}`];
    });
  });
}
