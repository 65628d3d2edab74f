import { HttpError } from '../errors.ts';

/** In whose name the upstream is asked. */
export interface Payer {
  /** @throws HttpError (by its promise) where it may not be asked in their name now */
  pay(): Promise<void>;
}

/** The upstream was not asked, since whoever led the flight may not have it asked. That concerns nobody else. */
export class UnpaidError extends Error {
  override readonly name = 'UnpaidError';
  readonly refusal: HttpError;

  constructor(refusal: HttpError) {
    super('the flight was not paid for');
    this.refusal = refusal;
  }
}

/** @throws UnpaidError (by its promise) */
export async function payWith(payer: Payer): Promise<void> {
  try {
    await payer.pay();
  } catch (error) {
    throw error instanceof HttpError ? new UnpaidError(error) : error;
  }
}
