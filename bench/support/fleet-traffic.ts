import { createRandom } from '../../test/support/random.ts';
import type { TokenIssuer } from '../../test/support/token-issuer.ts';
import type { Poller } from './polling.ts';
import type { ServiceFleet } from './service-fleet.ts';
import { tokensOfUsers } from './surroundings.ts';

/** The vendor's SDK asks again half a second after an answer; its documentation recommends two or three seconds. */
const QUICK_PAUSE_MS = 500;
const SLOW_PAUSE_MS = 2500;
const FINISHED_PAUSE_MS = 1000;

export interface User {
  readonly token: string;
  readonly address: string;
}

/** Users by what they ask for: an unfinished project each, quickly or slowly, or finished ones. */
export type Crowd = Readonly<Record<'quick' | 'slow' | 'finished', readonly User[]>>;

export interface Traffic {
  /** Whether a user's lookups all go to one replica, or each to any. */
  readonly routing: 'kept' | 'spread';
  /** Users that watch one unfinished project. */
  readonly watchers: number;
  /** Finished projects that are asked for, each by one user alone. */
  readonly finishedProjects: number;
}

const idOf = (letter: 'p' | 'r', n: number) => `${letter}${`${n}`.padStart(6, '0')}`;

/** The n-th finished project, as the upstream stubs know it. */
export const finishedId = (n: number) => idOf('p', n);

export async function usersOf(issuer: TokenIssuer, count: number, group: string): Promise<User[]> {
  const tokens = await tokensOfUsers(issuer, count, group);
  return tokens.map((token, n) => ({ token, address: `10.${group.length}.${n >> 8}.${n & 255}` }));
}

export function userRequest({ token, address }: User, id: string): Buffer {
  return Buffer.from(
    `GET /v1/image-projects/${id} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${address}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
}

/** Unfinished projects that are watched. */
export function watchedProjects({ quick, slow }: Crowd, { watchers }: Traffic): number {
  return Math.ceil(quick.length / watchers) + Math.ceil(slow.length / watchers);
}

export function pollersOf(crowd: Crowd, traffic: Traffic, fleet: ServiceFleet): Poller[] {
  const { routing, watchers, finishedProjects } = traffic;
  const random = createRandom(2);
  const poller = (user: User, n: number, pauseMs: number, id: () => string): Poller => ({
    pauseMs,
    ask: () => fleet.send(routing === 'kept' ? n : random(fleet.size), userRequest(user, id())),
  });
  const watching = (users: readonly User[], pauseMs: number, firstProject: number) =>
    users.map((user, n) => {
      const id = idOf('r', firstProject + Math.floor(n / watchers));
      return poller(user, n, pauseMs, () => id);
    });
  const { quick, slow, finished } = crowd;
  const projectsEach = Math.max(1, Math.floor(finishedProjects / finished.length));
  return [
    ...watching(quick, QUICK_PAUSE_MS, 0),
    ...watching(slow, SLOW_PAUSE_MS, quick.length),
    ...finished.map((user, n) =>
      poller(user, n, FINISHED_PAUSE_MS, () => finishedId(n + finished.length * random(projectsEach))),
    ),
  ];
}
