import { setFlagsFromString } from 'node:v8';

/**
 * What V8 is told once the service is ready, each flag with its default.
 *
 * - V8 makes objects whose like lived long at first in its old generation from then on. Among all that a start makes, and in the small young
 *   generation that we ask for, it takes that for granted too soon: in one process of fifteen or so, an object of each request was
 *   made there, kept alive all that it referred to until the next full collection, and had V8 run one every tenth of a
 *   second for as long as the process lived, at half of its speed (bench/PROFILE.md).
 * - By default V8 lets its heap grow to several times what is in use: over 300 MiB resident after some 100,000 misses.
 */
const FLAGS = [
  { ours: '--no-allocation-site-pretenuring', byDefault: '--allocation-site-pretenuring' },
  { ours: '--heap-growing-percent=20', byDefault: '--heap-growing-percent=0' },
] as const;

/**
 * Keeps V8's heap small and its collections few.
 *
 * To be called when all is loaded, and not to be made arguments of `node`: V8 takes compiled code only under the flags
 * that it was compiled under, and Node's own modules come compiled under none. What Node keeps for the next start it
 * compiles on exit, under the flags of then; so these are taken back.
 */
export function tameHeap(): void {
  for (const { ours } of FLAGS) setFlagsFromString(ours);
  process.once('exit', () => {
    for (const { byDefault } of FLAGS) setFlagsFromString(byDefault);
  });
}
