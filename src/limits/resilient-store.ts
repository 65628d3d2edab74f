import { MemoryStore, type Options, type Store } from 'express-rate-limit';

/**
 * Counts in a shared store, and in this process while that one fails: each replica then enforces its share of the
 * limit, by counting each request as many times as there are replicas.
 */
export function createResilientStore(shared: Store, expectedReplicas: number): Store {
  const local = new MemoryStore();
  return {
    init(options: Options) {
      shared.init?.(options);
      local.init(options);
    },
    async increment(key) {
      try {
        return await shared.increment(key);
      } catch {
        const { totalHits, resetTime } = await local.increment(key);
        return { totalHits: totalHits * expectedReplicas, resetTime };
      }
    },
    async decrement(key) {
      await shared.decrement(key);
    },
    async resetKey(key) {
      await Promise.all([shared.resetKey(key), local.resetKey(key)]);
    },
    shutdown: () => local.shutdown(),
  };
}
