/** Whole numbers from 0 up to, and without, `below`. */
export type Random = (below: number) => number;

/** The same numbers for the same seed: Marsaglia's xorshift of 32 bits. */
export function createRandom(seed: number): Random {
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function pick<T>(list: readonly T[], random: Random): T {
  const picked = list[random(list.length)];
  if (picked === undefined) throw new Error('there is nothing to pick from');
  return picked;
}

/** Another order of the same (Fisher and Yates). */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const rest = [...list];
  return list.map(() => pick(rest.splice(random(rest.length), 1), () => 0));
}
