import { setTimeout as sleep } from 'node:timers/promises';
import { type Load, type LoadRequest, startLoad } from '../../../test/support/load.ts';
import { createRandom, type Random } from '../../../test/support/random.ts';
import { errorResponse } from '../../../test/support/scripted-response.ts';
import { NEXT_KEY, type World } from './world.ts';

const USERS = 60;
const POPULAR = 150;
const CLIENTS_PER_REPLICA = 14;
const UPSTREAM_DELAYS_MS = [30, 40, 60, 90, 140, 220];
const SECONDS_BETWEEN_PROJECTS = 3;
const DRIFTED = 12;
const END_SECONDS = 174;

/** Some three minutes of many users at many addresses, and of what can happen to them. */
export async function sendTraffic(world: World): Promise<void> {
  const { issuer } = world;
  const random = createRandom(7);
  const beganAtMs = performance.now();
  const passedSeconds = () => (performance.now() - beganAtMs) / 1000;
  const until = (seconds: number) => sleep(Math.max(0, (seconds - passedSeconds()) * 1000));
  const tokens = await Promise.all(
    Array.from({ length: USERS }, (_, n) => issuer.token({ sub: `user-${n}` })),
  );
  const expired = await issuer.token({ exp: Math.floor(Date.now() / 1000) - 600 });
  const greedy = await issuer.token({ sub: 'greedy' });

  let drifted = false;

  function ordinaryRequest(n: number): LoadRequest {
    const user = random(USERS);
    const token = random(100) < 2 ? expired : random(150) === 0 ? 'no-token' : tokens[user];
    const id =
      drifted && random(100) === 0 ? `drifted-${random(DRIFTED)}` : projectOf(n, passedSeconds(), random);
    return request(id, `${token}`, user);
  }

  const ordinaryLoad = (baseUrl: string): Load =>
    startLoad({
      baseUrl,
      clients: CLIENTS_PER_REPLICA,
      next: ordinaryRequest,
      // Waves, as of days.
      pauseMs: () => (70 + 30 * Math.sin(passedSeconds() / 12)) * (0.5 + random(1000) / 1000),
    });
  const loads = world.replicaUrls.map(ordinaryLoad);
  const greedyLoads = (): Load[] =>
    world.replicaUrls.map((baseUrl) =>
      startLoad({
        baseUrl,
        clients: 2,
        next: () => request(`slow-30-popular-${random(5)}`, greedy, USERS),
        pauseMs: () => 50,
      }),
    );

  await until(25);
  world.emulator.setApiKeys([NEXT_KEY]);
  await until(40);
  await world.redis.kill();
  await until(56);
  await world.redis.restart();
  await until(74);
  world.emulator.holdAll();
  await until(76);
  world.emulator.release();
  await until(90);
  world.emulator.respondNext('*', errorResponse(503, 'Service Unavailable'), 20);
  await until(104);
  for (let n = 0; n < DRIFTED; n += 1) {
    world.emulator.project(`drifted-${n}`, {
      status: 'complete',
      fields: { credits_charged: 'five', new_field: n },
    });
  }
  drifted = true;
  await until(112);
  world.emulator.respondNext('*', errorResponse(429, 'Too Many Requests'), 6);
  await until(118);
  world.emulator.respondNext('*', errorResponse(402, 'Payment Required'), 5);
  await until(122);
  const rejected = greedyLoads();
  await until(142);
  await Promise.all(rejected.map((load) => load.stop()));
  await until(146);
  // Its clients leave when nobody listens there any more.
  loads.push(ordinaryLoad(await world.restartLastReplica()));
  await until(END_SECONDS);
  await Promise.all(loads.map((load) => load.stop()));
}

/** Ids that the emulator knows what to do with; see the head of `magic-hour-emulator.ts`. */
function projectOf(n: number, seconds: number, random: Random): string {
  const chance = random(1000);
  const delayMs = (id: number) => UPSTREAM_DELAYS_MS[id % UPSTREAM_DELAYS_MS.length];
  if (chance < 12) return `slow-${delayMs(n)}-new-${n}`;
  if (chance < 16) return `missing-${n}`;
  if (chance < 18) return `flaky-${n}`;
  if (chance < 22) return `failed-${n % 20}`;
  if (chance < 140) return `queued-${Math.floor(seconds / SECONDS_BETWEEN_PROJECTS) - random(6)}`;
  // The first ones are asked for most.
  const popular = Math.floor(POPULAR * (random(1000) / 1000) ** 3);
  return `slow-${delayMs(popular)}-popular-${popular}`;
}

function request(id: string, token: string, client: number): LoadRequest {
  return {
    path: `/v1/image-projects/${id}`,
    headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': `198.51.100.${client}` },
  };
}
