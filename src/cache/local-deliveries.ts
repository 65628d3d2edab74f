import { type Deliveries, REMEMBER_MS } from '../lookup/deliveries.ts';
import { projectName } from '../lookup/project.ts';
import { createLruMap } from '../lru-map.ts';

/** Some 100 bytes each. A project that is looked up after it ended is remembered anew. */
const MAX_REMEMBERED = 100_000;

/** Where there is no Redis: what this process remembers. What is stored is its memory alone, which the caller fills. */
export function createLocalDeliveries(options: { readonly replayMemoryMs: number }): Deliveries {
  const lasting = { ttl: REMEMBER_MS };
  const over = createLruMap<true>(MAX_REMEMBERED, lasting);
  const purges = createLruMap<true>(MAX_REMEMBERED, lasting);
  const taken = createLruMap<true>(MAX_REMEMBERED, { ttl: options.replayMemoryMs });

  return {
    async deliver({ kind, id, answer, deliveryId }) {
      const key = projectName(kind, id);
      const deliveryKey = `${key}/${deliveryId}`;
      if (taken.has(deliveryKey)) return 'replayed';
      taken.set(deliveryKey, true);
      if (purges.has(key)) return 'purged';
      if (over.has(key)) return 'outdated';
      if (answer.terminal) over.set(key, true);
      return 'stored';
    },
    lookedUp(kind, id, answer) {
      if (answer.found && answer.terminal) over.set(projectName(kind, id), true);
    },
    purged(kind, id) {
      purges.set(projectName(kind, id), true);
    },
  };
}
