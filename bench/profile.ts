import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharesOfPieces } from './profile-pieces.ts';
import { startServiceContender } from './support/contender.ts';
import { rotatingScript } from './support/lua.ts';
import { prepareRing } from './support/ring.ts';
import { type Surroundings, tokensOfUsers } from './support/surroundings.ts';
import { timeTurn } from './support/turn.ts';

const USERS = 8;
/** Each sample takes some time itself, so that more of them would show less. */
const SAMPLE_EVERY_MICROSECONDS = 250;

export interface ProfileOptions {
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface ProfileFigures {
  /** Without the profiler. */
  readonly cpuMicrosecondsPerRequest: number;
  /** Of the process' time, by piece of work. */
  readonly shares: ReadonlyMap<string, number>;
}

/** What a hot lookup out of memory costs, and by V8's sampling profiler which piece of the work takes how much of it. */
export async function measureProfile(
  surroundings: Surroundings,
  { warmUpSeconds, seconds }: ProfileOptions,
): Promise<ProfileFigures> {
  const { folder, redis, issuer, emulator, signal } = surroundings;
  const { ring } = await prepareRing(surroundings);
  const script = join(folder, 'rotating.lua');
  await writeFile(script, rotatingScript(await tokensOfUsers(issuer, USERS), ring.ids));
  const load = (forSeconds: number) => ({ script, seconds: forSeconds, signal });
  const settings = { upstream: emulator, issuer, logFile: join(folder, 'profiled.log') };

  const plain = await startServiceContender('plain', settings);
  await timeTurn(plain, redis, load(warmUpSeconds));
  const { cpuMicrosecondsPerRequest } = await timeTurn(plain, redis, load(seconds));
  await plain[Symbol.asyncDispose]();

  const profiles = join(folder, 'profiles');
  const profiled = await startServiceContender('profiled', {
    ...settings,
    nodeFlags: [
      '--cpu-prof',
      `--cpu-prof-dir=${profiles}`,
      `--cpu-prof-interval=${SAMPLE_EVERY_MICROSECONDS}`,
    ],
  });
  await timeTurn(profiled, redis, load(warmUpSeconds + seconds));
  // It is written on exit.
  await profiled[Symbol.asyncDispose]();
  const [file = ''] = await readdir(profiles);
  const profile: unknown = JSON.parse(await readFile(join(profiles, file), 'utf8'));
  return {
    cpuMicrosecondsPerRequest,
    shares: sharesOfPieces(profile, profiled.startMs + warmUpSeconds * 1000),
  };
}
