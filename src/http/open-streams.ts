import { HttpError } from '../errors.ts';

/** After so long another of the user's streams may have ended. */
const RETRY_AFTER_SECONDS = 15;

/** The event streams that are open at this replica. */
export interface OpenStreams {
  readonly count: number;
  /**
   * Takes one of the user's places.
   *
   * @returns gives it back; once is enough, and more does no harm
   * @throws HttpError rate_limited where the user has none left
   */
  enter(userKey: string): () => void;
}

export function createOpenStreams(maxPerUser: number): OpenStreams {
  const byUser = new Map<string, number>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    enter(userKey) {
      const taken = byUser.get(userKey) ?? 0;
      if (taken >= maxPerUser) {
        throw new HttpError('rate_limited', { reason: 'streams', retryAfterSeconds: RETRY_AFTER_SECONDS });
      }
      byUser.set(userKey, taken + 1);
      count += 1;
      let left = false;
      return () => {
        if (left) return;
        left = true;
        count -= 1;
        const others = (byUser.get(userKey) ?? 1) - 1;
        if (others === 0) byUser.delete(userKey);
        else byUser.set(userKey, others);
      };
    },
  };
}
