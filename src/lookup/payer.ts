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

/**
 * Who pays for what several want: one of them each time, the first who may. Whoever is known to be refused is not asked, unless
 * all of them are: then the first is, to hear why.
 *
 * @param present those who want it at the moment, in the order of their turns
 * @param paid is told whose turn it was
 */
export function payByTurns<Member extends { readonly payer?: Payer | undefined }>(
  key: string,
  present: () => Iterable<Member>,
  paid: (member: Member) => void,
): Payer {
  return {
    key,
    isOver: () => [...present()].every(({ payer }) => payer?.isOver()),
    async pay() {
      const members = [...present()];
      let refusal: HttpError | undefined;
      for (const member of members) {
        // Also one who was not yet when another was refused by what they have in common.
        if (member.payer?.isOver()) continue;
        try {
          await member.payer?.pay();
          return paid(member);
        } catch (error) {
          if (!(error instanceof HttpError)) throw error;
          refusal = error;
        }
      }
      if (refusal !== undefined) throw refusal;
      const [first] = members;
      if (first === undefined)
        throw new HttpError('upstream_unavailable', { reason: 'nobody is there to pay' });
      await first.payer?.pay();
      paid(first);
    },
  };
}
