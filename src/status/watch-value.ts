import type { Clock } from '../lookup/ports.ts';
import type { Since } from './report.ts';

/**
 * Tells since when a value is what it is, as far as that was looked at: a change is noticed at the next look.
 *
 * @param sameness two values with the same one count as equal
 */
export function watchValue<T>(read: () => T, sameness: (value: T) => unknown, clock: Clock): () => Since<T> {
  let seen: Since<T> = { value: read(), sinceMs: undefined };
  return () => {
    const value = read();
    if (sameness(value) !== sameness(seen.value)) seen = { value, sinceMs: clock.now() };
    return seen;
  };
}
