import { HttpError } from '../errors.ts';
import { ProviderError } from './provider.ts';

const RETRY_AFTER_SECONDS = 1;

/** Whose a session is, nobody can tell at the moment: the provider, or Redis, is away. @throws HttpError authentication_unavailable */
export function unavailable(cause: unknown): never {
  if (cause instanceof HttpError) throw cause;
  const reason = cause instanceof ProviderError ? cause.reason : 'sessions';
  throw new HttpError('authentication_unavailable', {
    cause,
    reason,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
