import { LRUCache } from 'lru-cache';

/**
 * Keeps so many entries, those that were used last.
 *
 * It takes room as it fills. By its option `max` lru-cache takes room for all entries when it is made, which for the maps of
 * this service is 5 MiB of every replica.
 *
 * @param options.ttl milliseconds; default without an end
 * @param options.memoMethod makes what `memo` is asked for and is not there
 */
export function createLruMap<Value extends NonNullable<unknown>>(
  maxEntries: number,
  options: Pick<LRUCache.Options<string, Value, unknown>, 'ttl' | 'memoMethod'> = {},
): LRUCache<string, Value> {
  return new LRUCache<string, Value>({ ...options, maxSize: maxEntries, sizeCalculation: () => 1 });
}
