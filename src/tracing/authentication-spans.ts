import type { Tracer } from '@opentelemetry/api';
import type { TokenVerifier } from '../auth/token-verifier.ts';
import type { ActiveSpan } from './active-span.ts';
import { within } from './spans.ts';

/** A span for each token that is verified, with what that waits for: the issuer's keys. */
export function traceAuthentication(
  verifier: TokenVerifier,
  tracer: Tracer,
  active: ActiveSpan,
): TokenVerifier {
  return {
    recall: verifier.recall,
    confirm: verifier.confirm,
    verify(token, possession) {
      const parent = active.parent();
      if (parent === undefined) return verifier.verify(token, possession);
      return within(tracer.startSpan('authenticate', {}, parent), () => verifier.verify(token, possession));
    },
  };
}
