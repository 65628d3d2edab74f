import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../scripts/bundle.ts';
import { startArguments } from '../test/support/service-process.ts';
import { startServiceContender } from './support/contender.ts';
import { cpuSeconds } from './support/process-facts.ts';
import type { Surroundings } from './support/surroundings.ts';

const FORMS = ['sources', 'built'] as const;
const DIST = fileURLToPath(new URL('../dist', import.meta.url));

export interface Start {
  /** From before the process exists to the first 200 of `/readyz`. */
  readonly readyMs: number;
  /** What all of its threads took until then; it hardly depends on what else the machine does. */
  readonly cpuMs: number;
}

export interface Starts {
  /** `sources`: as `npm start` starts them. `built`: as the image does. */
  readonly form: (typeof FORMS)[number];
  /** Nothing is compiled yet, as after `npm ci`. */
  readonly first: readonly Start[];
  /** What an earlier start compiled is there, as it is in the image from the beginning. */
  readonly next: readonly Start[];
}

/** In turns. It writes dist/. */
export async function measureStart(
  { folder, emulator, issuer, redis, signal }: Surroundings,
  { starts }: { readonly starts: number },
): Promise<readonly Starts[]> {
  await bundle(DIST);
  const figures = FORMS.map((form) => ({ form, first: [] as Start[], next: [] as Start[] }));
  for (let n = 0; n < starts; n += 1) {
    for (const { form, first, next } of figures) {
      const compileCache = await mkdtemp(join(folder, 'compile-cache-'));
      for (const taken of [first, next]) {
        signal.throwIfAborted();
        await using service = await startServiceContender('magic-hour-bff', {
          upstream: emulator,
          issuer,
          redisUrl: redis.url,
          logFile: '/dev/null',
          startArguments: argumentsOf(form),
          env: { NODE_COMPILE_CACHE: compileCache },
        });
        taken.push({ readyMs: service.startMs, cpuMs: cpuSeconds(service.pid) * 1000 });
      }
    }
  }
  return figures;
}

/** What is built runs under the flags of the sources. */
function argumentsOf(form: Starts['form']): readonly string[] {
  const args = startArguments();
  return form === 'sources' ? args : [...args.slice(0, -1), 'dist/main.js'];
}
