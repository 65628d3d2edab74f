import { createServer } from 'node:http';
import { type JSONWebKeySet, type JWTHeaderParameters, SignJWT } from 'jose';
import { closeNow, listen, localUrl } from './http-server.ts';
import { answer, type IssuerMode, MOVED } from './issuer-answers.ts';
import {
  giveBackSigningKeys,
  type SigningAlgorithm,
  type SigningKey,
  takeSigningKey,
} from './signing-keys.ts';

export interface TokenIssuerOptions {
  /** Default 0: any free one. */
  readonly port?: number;
  readonly host?: string;
  /** The issuer as tokens and discovery name it, where that isn't the address it listens on. */
  readonly issuer?: string;
  readonly audience?: string;
  /** How many RS256 keys it starts with; the first signs. Default 1. */
  readonly keyCount?: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Default: ten minutes. */
  readonly tokenLifetimeSeconds?: number;
  /** Serve `GET /token?sub=alice`: an access token with the query's parameters as claims, for whoever asks. */
  readonly handsOutTokens?: boolean;
}

export interface TokenOptions {
  /** Signs with the published key of this kind, which is added where there is none. */
  readonly algorithm?: SigningAlgorithm;
  /** Signs with this one, published or not. */
  readonly key?: SigningKey;
  /** Laid over `alg`, `kid` and `typ: at+jwt`; `undefined` takes one away. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export interface TokenIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** How often each document was asked for. */
  readonly fetches: { readonly discovery: number; readonly jwks: number };
  /**
   * A signed token: `iss`, `aud`, `sub` "alice", `iat`, `exp`, and what `claims` lays over it;
   * `undefined` takes a claim away.
   */
  token(claims?: Readonly<Record<string, unknown>>, options?: TokenOptions): Promise<string>;
  /** The key that signs by default, for those who sign a token of their own. */
  currentKey(): SigningKey;
  /** Publishes one more key, and has it sign from now on where `current` says so. */
  addKey(algorithm?: SigningAlgorithm, options?: { readonly current?: boolean }): Promise<SigningKey>;
  /** Withdraws all keys and publishes a new one, which signs from now on. */
  rotateKeys(): Promise<SigningKey>;
  jwks(): JSONWebKeySet;
  respondWith(mode: IssuerMode): void;
  /** Closes the port; connections are refused until `up()`, which opens the same one. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** An OpenID provider's two documents over HTTP, and tokens signed by its keys. */
export async function startTokenIssuer(options: TokenIssuerOptions = {}): Promise<TokenIssuer> {
  const {
    host = '127.0.0.1',
    audience = 'magic-hour-bff',
    keyCount = 1,
    now = Date.now,
    tokenLifetimeSeconds = 600,
  } = options;
  const taken: SigningKey[] = [];
  const fetches = { discovery: 0, jwks: 0 };
  let mode: IssuerMode = 'ok';
  let current = await take('RS256');
  let published = [current];
  for (let n = 1; n < keyCount; n += 1) await addKey();

  const server = createServer((request, response) => {
    request.resume();
    const url = new URL(request.url ?? '/', 'http://issuer');
    const answering = url.search === MOVED ? 'ok' : mode;
    if (url.pathname === '/.well-known/openid-configuration') {
      fetches.discovery += 1;
      answer(response, answering, { issuer, jwks_uri: jwksUrl });
    } else if (url.pathname === '/jwks') {
      fetches.jwks += 1;
      answer(response, answering, jwks());
    } else if (url.pathname === '/token' && options.handsOutTokens) {
      token(Object.fromEntries(url.searchParams)).then(
        (access_token) => answer(response, 'ok', { access_token }),
        () => answer(response, 'error', {}),
      );
    } else {
      response.writeHead(404).end();
    }
  });
  const port = await listen(server, options.port ?? 0, host);
  const issuer = options.issuer ?? localUrl(host, port);
  const jwksUrl = `${issuer.replace(/\/$/, '')}/jwks`;

  async function take(algorithm: SigningAlgorithm): Promise<SigningKey> {
    const key = await takeSigningKey(algorithm);
    taken.push(key);
    return key;
  }

  async function addKey(algorithm: SigningAlgorithm = 'RS256', { current: signs = false } = {}) {
    const key = await take(algorithm);
    published.push(key);
    if (signs) current = key;
    return key;
  }

  async function rotateKeys(): Promise<SigningKey> {
    current = await take('RS256');
    published = [current];
    return current;
  }

  function jwks(): JSONWebKeySet {
    return { keys: published.map((key) => key.publicJwk) };
  }

  async function token(
    claims: Readonly<Record<string, unknown>> = {},
    { algorithm, key, header }: TokenOptions = {},
  ): Promise<string> {
    const signer = key ?? (algorithm === undefined ? current : await keyOf(algorithm));
    const iat = Math.floor(now() / 1000);
    const payload = {
      iss: issuer,
      aud: audience,
      sub: 'alice',
      iat,
      exp: iat + tokenLifetimeSeconds,
      ...claims,
    };
    const protectedHeader: JWTHeaderParameters = {
      alg: signer.algorithm,
      kid: signer.kid,
      typ: 'at+jwt',
      ...header,
    };
    return new SignJWT(payload).setProtectedHeader(protectedHeader).sign(signer.privateKey);
  }

  async function keyOf(algorithm: SigningAlgorithm): Promise<SigningKey> {
    return published.find((key) => key.algorithm === algorithm) ?? addKey(algorithm);
  }

  return {
    issuer,
    audience,
    jwksUrl,
    fetches,
    token,
    currentKey: () => current,
    addKey,
    rotateKeys,
    jwks,
    respondWith: (wanted) => {
      mode = wanted;
    },
    down: () => closeNow(server),
    up: async () => {
      await listen(server, port, host);
    },
    close: async () => {
      await closeNow(server);
      giveBackSigningKeys(taken.splice(0));
    },
  };
}
