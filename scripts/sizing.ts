/**
 * Works out the table of docs/sizing.md, between its two markers, from the figures that stand in the table at its top.
 * `node scripts/sizing.ts`: writes the page.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = new URL('../docs/sizing.md', import.meta.url);
const BEGIN = '<!-- sizing:begin -->';
const END = '<!-- sizing:end -->';

const page = readFileSync(PAGE, 'utf8');
const measured = {
  hotUs: figure('CPU of a hot lookup'),
  rereadUs: figure('CPU of a re-read'),
  missUs: figure('CPU of a miss'),
  redisUs: figure("Redis' CPU of a command"),
  projectBytes: figure("Redis' memory of a project"),
};

const USERS = [1000, 100_000, 10_000_000];
const PAUSE_SECONDS = [0.5, 2.5];
const TTL_SECONDS = [1, 5];
const WATCHED_SHARE = 30 / 600;
const PROJECTS_AN_HOUR = 6;
const BUSY_SHARE = 0.5;
const CONNECTIONS_A_REPLICA = 10_000;
const USER_LIMIT = 600;
const ADDRESS_LIMIT = 6000;

type Routing = 'kept' | 'spread';

interface Load {
  readonly watching: number;
  readonly lookups: number;
  readonly misses: number;
}

/** Lookups after which a replica settles a limit (limits/settling-store.ts). */
function settledEvery(limit: number, replicas: number): number {
  return Math.floor(Math.floor((limit * 0.05) / replicas) / 2) + 1;
}

function fleetFor({ watching, lookups, misses }: Load, routing: Routing) {
  const others = lookups - misses;
  const reads = routing === 'kept' ? misses : lookups;
  let replicas = 1;
  let commands = 0;
  // More replicas settle limits more often, which takes more replicas.
  for (let round = 0; round < 20; round += 1) {
    const sharing = routing === 'kept' ? 1 : replicas;
    const settled = 1 / settledEvery(USER_LIMIT, sharing) + 1 / settledEvery(ADDRESS_LIMIT, sharing);
    commands = reads + misses + lookups * settled;
    const otherUs = routing === 'kept' ? measured.hotUs : measured.rereadUs;
    const cores = (misses * measured.missUs + others * otherUs) / 1e6;
    replicas = Math.ceil(Math.max(cores / BUSY_SHARE, watching / CONNECTIONS_A_REPLICA)) + 1;
  }
  const redisServers = Math.ceil((commands * measured.redisUs) / 1e6 / BUSY_SHARE);
  const redis = redisServers === 1 ? 'one server' : `${Math.max(3, redisServers)} masters`;
  return [count(replicas), count(commands), redis];
}

function row(users: number, pauseSeconds: number, ttlSeconds: number): string[] {
  const watching = users * WATCHED_SHARE;
  const lookups = watching / pauseSeconds;
  const load = { watching, lookups, misses: lookups / Math.ceil(ttlSeconds / pauseSeconds) };
  return [
    count(users),
    `${pauseSeconds} s`,
    count(ttlSeconds * 1000),
    count(lookups),
    count(load.misses),
    ...fleetFor(load, 'kept'),
    ...fleetFor(load, 'spread'),
    `${((users * PROJECTS_AN_HOUR * measured.projectBytes) / 2 ** 30).toPrecision(2)} GiB`,
  ];
}

const heading = [
  ...['users', 'asks again after', '`CACHE_PENDING_TTL_MS`', 'lookups/s', 'Magic Hour requests/s'],
  ...['kept: replicas', 'Redis commands/s', 'Redis', 'spread: replicas', 'Redis commands/s', 'Redis'],
  "an hour's projects in Redis",
];
const rows = USERS.flatMap((users) =>
  PAUSE_SECONDS.flatMap((pause) => TTL_SECONDS.map((ttl) => row(users, pause, ttl))),
);
const lines = [heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
writeFileSync(
  PAGE,
  `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${lines.join('\n')}\n${page.slice(page.indexOf(END))}`,
);

function figure(name: string): number {
  const line = page.split('\n').find((each) => each.startsWith(`| ${name} `));
  const value = Number(line?.split('|')[2]?.replaceAll(/[^\d.]/g, ''));
  if (!(value > 0)) throw new Error(`docs/sizing.md: no figure "${name}"`);
  return value;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
