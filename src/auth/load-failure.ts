import { z } from 'zod';
import { ERROR_CODE } from '../describe-error.ts';

/** The issuer answered, and not with what it was asked for. */
export class UnusableAnswerError extends Error {
  override readonly name = 'UnusableAnswerError';
  /** One word: nothing that the issuer chose. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the issuer's answer can't be used: ${reason}`);
    this.reason = reason;
  }
}

const caused = z.object({ cause: z.object({ code: z.string().regex(ERROR_CODE) }) });
const REDIRECTED = z.object({ cause: z.object({ message: z.literal('unexpected redirect') }) });

/** Why the issuer's keys, or its word on a token, could not be had, in one word: never an address, and nothing that the issuer sent. */
export function loadFailure(error: unknown): string {
  if (error instanceof UnusableAnswerError) return error.reason;
  if (error instanceof z.ZodError) return 'unexpected_document';
  if (error instanceof SyntaxError) return 'not_json';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'timeout';
  if (REDIRECTED.safeParse(error).success) return 'redirected';
  return caused.safeParse(error).data?.cause.code ?? 'unknown';
}
