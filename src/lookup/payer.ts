import { HttpError } from '../errors.ts';

/** In whose name the upstream is asked. */
export interface Payer {
  /** Names them: whoever has the same would be refused as well. */
  readonly key: string;
  /** Whether they are known to be refused, as far as that can be told at once. */
  isOver(): boolean;
  /** @throws HttpError (by its promise) where it may not be asked in their name now */
  pay(): Promise<void>;
}

/** The upstream was not asked, since whoever led the flight may not have it asked. That concerns nobody else. */
export class UnpaidError extends Error {
  override readonly name = 'UnpaidError';
  readonly refusal: HttpError;
  readonly payerKey: string;

  constructor(refusal: HttpError, payerKey: string) {
    super('the flight was not paid for');
    this.refusal = refusal;
    this.payerKey = payerKey;
  }
}

/** @throws UnpaidError (by its promise) */
export async function payWith(payer: Payer): Promise<void> {
  try {
    await payer.pay();
  } catch (error) {
    throw error instanceof HttpError ? new UnpaidError(error, payer.key) : error;
  }
}
