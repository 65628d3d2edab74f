import type { Clock } from '../lookup/ports.ts';
import { type Kind, projectName } from '../lookup/project.ts';
import { createLruMap } from '../lru-map.ts';
import { decodeOwnership, encodeOwnership, type Owners, PLACES } from './ownership.ts';

/** Those who go are nobody's again: nobody is let in. */
const MAX_PROJECTS = 100_000;

/**
 * In this process alone, for as long as it runs.
 *
 * @param options.ttlMs 0 is without an end
 */
export function createLocalOwners(options: { readonly ttlMs: number; readonly clock: Clock }): Owners {
  const { clock } = options;
  const ttlMs = options.ttlMs === 0 ? Number.POSITIVE_INFINITY : options.ttlMs;
  const known = createLruMap<{ readonly encoded: string; readonly untilMs: number }>(MAX_PROJECTS);

  function read(kind: Kind, id: string): string | undefined {
    const found = known.get(projectName(kind, id));
    return found !== undefined && found.untilMs > clock.now() ? found.encoded : undefined;
  }

  return {
    async isOf(relation, key, kind, id) {
      const { from, to } = PLACES[relation];
      return key !== undefined && read(kind, id)?.slice(from, to) === key;
    },
    async find(kind, id) {
      const encoded = read(kind, id);
      return encoded === undefined ? undefined : decodeOwnership(encoded);
    },
    async assign(kind, id, ownership) {
      const encoded = encodeOwnership(ownership);
      const before = read(kind, id);
      if (before !== undefined && before !== encoded) return 'conflict';
      known.set(projectName(kind, id), { encoded, untilMs: clock.now() + ttlMs });
      return before === undefined ? 'assigned' : 'unchanged';
    },
    async release(kind, id) {
      const before = read(kind, id);
      known.delete(projectName(kind, id));
      return before === undefined ? undefined : decodeOwnership(before);
    },
  };
}
