/**
 * Picks a share of what comes, evenly spread and without chance: of any number in a row it takes that share, give or take one.
 *
 * @param ratio 0 to 1
 * @returns whether to take the next one
 */
export function createEvenSampler(ratio: number): () => boolean {
  let due = 0;
  return () => {
    due += ratio;
    if (due < 1) return false;
    due -= 1;
    return true;
  };
}
