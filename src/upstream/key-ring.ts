/** The keys that the upstream may accept. Sources are asked at each call, so that a changed file counts at once. */
export interface KeyRing {
  /** The key to try next, given those tried already for this request; `undefined` when there is none left. */
  next(tried: ReadonlySet<string>): string | undefined;
  /** The upstream took this key: it is tried first from now on. */
  accepted(key: string): void;
  /** The upstream refused a key: look whether a source has a newer one. */
  refresh(): void;
}

export interface KeySource {
  key(): string;
  refresh(): void;
}

/**
 * @param sources the current key, then the one that comes next while keys rotate
 */
export function createKeyRing(sources: readonly KeySource[]): KeyRing {
  let preferred: string | undefined;
  return {
    next(tried) {
      const keys = sources.map((source) => source.key());
      const inOrder = preferred !== undefined && keys.includes(preferred) ? [preferred, ...keys] : keys;
      return inOrder.find((key) => !tried.has(key));
    },
    accepted(key) {
      preferred = key;
    },
    refresh() {
      for (const source of sources) source.refresh();
    },
  };
}
