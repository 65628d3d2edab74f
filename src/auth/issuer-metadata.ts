import { z } from 'zod';
import { fetchJson } from './fetch-json.ts';
import { UnusableAnswerError } from './load-failure.ts';

const MAX_METADATA_BYTES = 512 * 1024;

/** An address that metadata names. */
export const endpoint = z.url({ protocol: /^https?$/ });

/**
 * What an issuer says of itself (OpenID Connect Discovery 1.0, 3 and RFC 8414, 2).
 *
 * @param shape what is needed of it
 */
export async function discover<T extends z.ZodType>(issuer: string, shape: T): Promise<z.output<T>> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = await fetchJson(url, { maxBytes: MAX_METADATA_BYTES });
  const named = z.object({ issuer: z.string() }).parse(document);
  if (named.issuer !== issuer) throw new UnusableAnswerError('other_issuer');
  return shape.parse(document);
}
