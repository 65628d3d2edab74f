import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBare } from './contenders/start-node.ts';
import { type Contender, startServiceContender } from './support/contender.ts';
import { type LoopReport, MONITOR_FLAGS, takeLoopReport } from './support/loop-report.ts';
import { walkingScript } from './support/lua.ts';
import { independentArrivals, noPause, sendPaced } from './support/paced-load.ts';
import { watchCore } from './support/process-facts.ts';
import { rotatingRequests, walkingRequests } from './support/requests.ts';
import { prepareRing } from './support/ring.ts';
import { scrape } from './support/scrape.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { timeTurn } from './support/turn.ts';
import { startUpstreamStub } from './support/upstream-stub.ts';

const USERS = 8;
/** Room for all of them, as the memory tier counts: some 1.6 KiB each. */
const ROOM_A_PROJECT_BYTES = 2048;

export interface EventLoopOptions {
  readonly projects: number;
  readonly rounds: number;
  /** Of full load, to know what half of it is. */
  readonly fullSeconds: number;
  readonly seconds: number;
}

/** One process' event loop in one turn. */
export interface LoopTurn extends LoopReport {
  /** Of the core, taken by processes that are none of this benchmark's. */
  readonly foreignShare: number;
}

export interface EventLoopFigures {
  /** Requests per second, but for the idle one: half of what the service can do. */
  readonly requestsPerSecond: number;
  readonly idle: readonly LoopTurn[];
  readonly bare: readonly LoopTurn[];
  readonly service: readonly LoopTurn[];
}

/**
 * How long the service's event loop is kept by one piece of work while it holds many projects and answers half of what
 * it can. In turns with it, on the same core: a bare server with nothing to do, and the same one with as many requests.
 */
export async function measureEventLoop(
  surroundings: Surroundings,
  options: EventLoopOptions,
): Promise<EventLoopFigures> {
  const { folder, issuer, signal } = surroundings;
  const tokens = await tokensOfUsers(issuer, USERS);
  const { ring } = await prepareRing(surroundings);
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstreamStub());
  const reports = { bare: join(folder, 'loop-bare.json'), service: join(folder, 'loop-service.json') };
  const watchedBy = (reportFile: string, env = {}) => ({
    nodeFlags: MONITOR_FLAGS,
    env: { LOOP_REPORT_FILE: reportFile, ...env },
  });
  const bare = stack.use(await startBare('bare-node.ts', ring, watchedBy(reports.bare)));
  const room = { CACHE_MEMORY_MAX_BYTES: `${options.projects * ROOM_A_PROJECT_BYTES}` };
  const service = stack.use(
    await startServiceContender('magic-hour-bff', {
      upstream,
      issuer,
      logFile: join(folder, 'event-loop.log'),
      ...watchedBy(reports.service, room),
    }),
  );

  const request = walkingRequests(service.url, tokens, options.projects);
  await sendPaced({ url: service.url, request, dueMs: noPause(options.projects), signal });
  const requestsPerSecond = (await fullRate(surroundings, service, tokens, options)) / 2;

  const dueMs = independentArrivals(requestsPerSecond, options.seconds);
  const bareRequest = rotatingRequests(bare.url, tokens, ring.ids);
  const turns: Record<'idle' | 'bare' | 'service', LoopTurn[]> = { idle: [], bare: [], service: [] };
  for (let round = 0; round < options.rounds; round += 1) {
    const idling = () => sleep(options.seconds * 1000, undefined, { signal });
    turns.idle.push(await watchLoop(bare, reports.bare, signal, idling));
    const sending = () => sendPaced({ url: bare.url, request: bareRequest, dueMs, signal });
    turns.bare.push(await watchLoop(bare, reports.bare, signal, sending));
    const walking = () => sendPaced({ url: service.url, request, dueMs, signal });
    turns.service.push(await watchLoop(service, reports.service, signal, walking));
  }
  const entries = (await scrape(service.opsUrl))('cache_memory_entries');
  assert.equal(entries, options.projects, 'the service must hold all projects');
  assert.equal(upstream.answered(), options.projects, 'the service must ask for each project once');
  return { requestsPerSecond, ...turns };
}

/** Requests per second that the service answers at most, from memory. */
async function fullRate(
  { folder, redis, signal }: Surroundings,
  service: Contender,
  tokens: readonly string[],
  { projects, fullSeconds }: EventLoopOptions,
): Promise<number> {
  const script = join(folder, 'walking.lua');
  await writeFile(script, walkingScript(tokens, projects));
  return (await timeTurn(service, redis, { script, seconds: fullSeconds, signal })).undisturbedRate;
}

async function watchLoop(
  { pid }: Contender,
  reportFile: string,
  signal: AbortSignal,
  use: () => Promise<unknown>,
): Promise<LoopTurn> {
  // What was before is not asked for.
  await takeLoopReport(pid, reportFile, signal);
  const coreUse = watchCore(pid);
  await use();
  const { foreignShare } = coreUse();
  return { ...(await takeLoopReport(pid, reportFile, signal)), foreignShare };
}
