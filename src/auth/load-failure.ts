import { z } from 'zod';
import { ERROR_CODE } from '../describe-error.ts';

/** The issuer answered, and not with keys. */
export class KeyLoadError extends Error {
  override readonly name = 'KeyLoadError';
  /** One word: nothing that the issuer chose. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the issuer's keys could not be loaded: ${reason}`);
    this.reason = reason;
  }
}

const caused = z.object({ cause: z.object({ code: z.string().regex(ERROR_CODE) }) });
const REDIRECTED = z.object({ cause: z.object({ message: z.literal('unexpected redirect') }) });

/** Why the issuer's keys could not be loaded, in one word: never an address, and nothing that the issuer sent. */
export function loadFailure(error: unknown): string {
  if (error instanceof KeyLoadError) return error.reason;
  if (error instanceof z.ZodError) return 'unexpected_document';
  if (error instanceof SyntaxError) return 'not_json';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'timeout';
  if (REDIRECTED.safeParse(error).success) return 'redirected';
  return caused.safeParse(error).data?.cause.code ?? 'unknown';
}
