/** The keys that the upstream may accept. Sources are asked at each call, so that a changed file counts at once. */
export interface KeyRing {
  /** The key to try next, given those tried already for this request; `undefined` when there is none left. */
  next(tried: ReadonlySet<string>): string | undefined;
  /** The upstream took this key: it is tried first from now on. */
  accepted(key: string): void;
  /** The upstream refused a key: look whether a source has a newer one. */
  refresh(): void;
  /** Which key is tried first, without saying it. */
  inUse(): KeyInUse;
}

export interface KeyInUse {
  readonly place: 'current' | 'next';
  /** Whether its source had another one at first. */
  readonly newer: boolean;
  /** 1 at first; one more each time that a look finds another key in use than the one before. */
  readonly generation: number;
}

export interface KeySource {
  key(): string;
  refresh(): void;
}

const NONE_TRIED: ReadonlySet<string> = new Set();

/**
 * @param sources the current key, then the one that comes next while keys rotate
 */
export function createKeyRing(sources: readonly KeySource[]): KeyRing {
  const firstKeys = sources.map((source) => source.key());
  let preferred: string | undefined;
  let lastInUse = firstKeys[0];
  let generation = 1;

  function next(tried: ReadonlySet<string>): string | undefined {
    const keys = sources.map((source) => source.key());
    const inOrder = preferred !== undefined && keys.includes(preferred) ? [preferred, ...keys] : keys;
    return inOrder.find((key) => !tried.has(key));
  }

  return {
    next,
    accepted(key) {
      preferred = key;
    },
    refresh() {
      for (const source of sources) source.refresh();
    },
    inUse() {
      const key = next(NONE_TRIED);
      if (key !== lastInUse) {
        lastInUse = key;
        generation += 1;
      }
      const at = sources.findIndex((source) => source.key() === key);
      return { place: at <= 0 ? 'current' : 'next', newer: firstKeys[at] !== key, generation };
    },
  };
}
