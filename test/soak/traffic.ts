import type { Exchange, LoadRequest } from '../support/load.ts';
import { pick, type Random } from '../support/random.ts';
import { takeSigningKey } from '../support/signing-keys.ts';
import type { TokenIssuer } from '../support/token-issuer.ts';

/** What callers of all kinds ask for. */
export interface Traffic {
  next(n: number): LoadRequest;
  /** Learns entity tags. */
  onExchange(exchange: Exchange): void;
  /** A token that is let in. */
  anyUser(): string;
  /** A token whose key the issuer does not publish. */
  readonly stranger: string;
  /** Signs everybody's token anew, since they live shorter than a soak. */
  renewTokens(): Promise<void>;
}

type Make = (random: Random) => Omit<LoadRequest, 'headers'> & {
  readonly headers?: Readonly<Record<string, string>>;
};

const USERS = 100;
const STRANGERS = 20;
const HOT_PROJECTS = 20;

const project = (id: string, query = '') => `/v1/image-projects/${id}${query}`;

export function hotProject(random: Random): string {
  return `complete-hot-${random(HOT_PROJECTS)}`;
}

export async function createTraffic(issuer: TokenIssuer, random: Random): Promise<Traffic> {
  const etags = new Map<string, string>();
  let users: readonly string[] = [];
  let greedy = '';

  // Key ids that nobody has published, each another: every one is a reason to ask the issuer.
  const foreign = await takeSigningKey('EdDSA');
  const strangers = await Promise.all(
    Array.from({ length: STRANGERS }, (_, n) =>
      issuer.token({}, { key: foreign, header: { kid: `unknown-${n}` } }),
    ),
  );
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  /** How many of a hundred requests are of which kind. */
  const mix: ReadonlyArray<readonly [share: number, make: Make]> = [
    [24, () => ({ path: project(hotProject(random)) })],
    [16, () => revalidation(project(hotProject(random)))],
    [12, () => ({ path: project(`queued-${random(3000)}`) })],
    [12, () => ({ path: project(`complete-${random(50_000)}`) })],
    [5, () => ({ path: project(hotProject(random)), method: 'HEAD' })],
    [4, () => ({ path: project(hotProject(random), '?min_valid=3600') })],
    [5, () => ({ path: project(`missing-${random(500)}`) })],
    [2, () => ({ path: project('no%20id') })],
    [4, () => ({ path: project(`slow-${50 + random(300)}-${random(1000)}`) })],
    [4, () => ({ path: project(`slow-900-${random(1000)}`), leaveAfterMs: 10 + random(200) })],
    [8, () => ({ path: project(hotProject(random)), headers: bearer(greedy) })],
    [2, () => ({ path: project(hotProject(random)), headers: bearer(`${pick(users, random)}x`) })],
    [2, () => ({ path: project(hotProject(random)), headers: bearer(pick(strangers, random)) })],
  ];
  const kinds = mix.flatMap(([share, make]) => Array<Make>(share).fill(make));

  function revalidation(path: string): ReturnType<Make> {
    const etag = etags.get(path);
    if (etag === undefined) return { path };
    return { path, headers: { ...bearer(pick(users, random)), 'if-none-match': etag } };
  }

  return {
    anyUser: () => pick(users, random),
    stranger: pick(strangers, random),
    next: () => {
      const { headers = bearer(pick(users, random)), ...rest } = pick(kinds, random)(random);
      return { ...rest, headers };
    },
    onExchange({ request: { path }, etag }) {
      if (etag !== undefined && path.includes('hot')) etags.set(path, etag);
    },
    async renewTokens() {
      [greedy = '', ...users] = await Promise.all(
        Array.from({ length: USERS }, (_, n) => issuer.token({ sub: `user-${n}` })),
      );
    },
  };
}
