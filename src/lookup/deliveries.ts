import type { Answer, FoundAnswer } from './answer.ts';
import type { Kind } from './project.ts';

/** What became of a delivery. */
export type DeliveryResult =
  | 'stored'
  /** The same signed delivery was here before. */
  | 'replayed'
  /** The project was seen to be over, which no delivery can change. */
  | 'outdated'
  /** The project was purged a short time ago, and no delivery brings it back. */
  | 'purged';

export interface DeliveredAnswer {
  readonly kind: Kind;
  readonly id: string;
  readonly answer: FoundAnswer;
  /** The same for what was signed as one, and for nothing else. */
  readonly deliveryId: string;
}

/**
 * Decides on answers that the upstream sends by itself, late, repeated and in any order, and keeps those that are news.
 * All of it happens at one go, so that it is the same whatever comes at the same time.
 */
export interface Deliveries {
  /** Rejects where nothing can be kept for sure at the moment; the same delivery is then taken the next time. */
  deliver(delivered: DeliveredAnswer): Promise<DeliveryResult>;
  /** A lookup brought an answer. What is over is remembered, as far as the tier that stores it doesn't do so by itself. */
  lookedUp(kind: Kind, id: string, answer: Answer): void;
  /** A project was purged, as far as the tier that forgets it doesn't remember that by itself. */
  purged(kind: Kind, id: string): void;
}

/**
 * Magic Hour repeats a delivery for up to 24 hours, perhaps signed afresh; so long, and a while, it is remembered what
 * such a late one must not undo.
 */
export const REMEMBER_MS = 25 * 60 * 60 * 1000;

/** How long a delivery is remembered: as long as its timestamp can be taken, from the future to the past. */
export function replayMemoryMs(toleranceSeconds: number): number {
  return (2 * toleranceSeconds + 60) * 1000;
}
