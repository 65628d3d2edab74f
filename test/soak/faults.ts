import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { MagicHourEmulator } from '../support/magic-hour-emulator.ts';
import { pick, type Random } from '../support/random.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { errorResponse } from '../support/scripted-response.ts';
import type { TokenIssuer } from '../support/token-issuer.ts';

/** One thing that goes wrong for a while, or in an instant. */
export interface Fault {
  readonly name: string;
  /** The 5xx that the contract gives for it; callers meet no other. */
  readonly allows: readonly string[];
  begin(): Promise<void> | void;
  end?(): Promise<void> | void;
}

export interface World {
  readonly emulator: MagicHourEmulator;
  readonly issuer: TokenIssuer;
  readonly redis: RedisServer;
  readonly servicePort: number;
  readonly keyFile: string;
  readonly random: Random;
}

const RESETTING_CLIENTS = 30;
const HALF_A_REQUEST = 'GET /v1/image-projects/complete-hot-1 HTTP/1.1\r\nHost: soak\r\n';
const UNAVAILABLE = '503 upstream_unavailable';

/** Each can be had again and again. */
export function createFaults(world: World): readonly Fault[] {
  const { emulator, issuer, redis, random } = world;
  /** Enough in a row to open the circuit now and then; what is left of them goes by its probes, one each two seconds. */
  const burst = () => 4 + random(10);
  let keys = 0;

  async function rotateKey(): Promise<void> {
    keys += 1;
    const key = `mhk_soak_${keys}`;
    await writeFile(world.keyFile, key);
    emulator.setApiKeys([key]);
  }

  return [
    { name: 'Redis paused', allows: [], begin: () => redis.pause(), end: () => redis.resume() },
    { name: 'Redis killed', allows: [], begin: () => redis.kill(), end: () => redis.restart() },
    { name: 'Redis restarted', allows: [], begin: () => redis.restart() },
    { name: 'Redis flushed', allows: [], begin: () => void redis.command('FLUSHALL') },
    { name: 'Redis without its scripts', allows: [], begin: () => void redis.command('SCRIPT', 'FLUSH') },
    {
      name: 'Magic Hour hangs',
      allows: ['504 upstream_timeout', UNAVAILABLE],
      begin: () => emulator.holdAll(),
      end: () => emulator.release(),
    },
    {
      name: 'Magic Hour answers 500',
      allows: ['502 upstream_error', UNAVAILABLE],
      begin: () => emulator.respondNext('*', errorResponse(500, 'Internal'), burst()),
    },
    {
      name: 'Magic Hour resets connections',
      allows: ['502 upstream_error', UNAVAILABLE],
      begin: () => emulator.respondNext('*', { reset: true }, burst()),
    },
    {
      name: 'Magic Hour answers 429',
      allows: [UNAVAILABLE],
      begin: () => emulator.respondNext('*', errorResponse(429, 'Slow down'), burst()),
    },
    { name: 'the key rotated in its file', allows: [], begin: rotateKey },
    {
      name: 'the issuer down',
      allows: ['503 authentication_unavailable'],
      begin: () => issuer.down(),
      end: () => issuer.up(),
    },
    {
      name: 'the issuer ill',
      allows: ['503 authentication_unavailable'],
      begin: () => issuer.respondWith(pick(['error', 'html', 'hang', 'empty'], random)),
      end: () => issuer.respondWith('ok'),
    },
    {
      name: 'clients reset their connections',
      allows: [],
      begin: async () => {
        await Promise.all(Array.from({ length: RESETTING_CLIENTS }, () => resetHalfway(world.servicePort)));
      },
    },
  ];
}

async function resetHalfway(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await new Promise((resolve) => socket.write(HALF_A_REQUEST, resolve));
  socket.resetAndDestroy();
}
