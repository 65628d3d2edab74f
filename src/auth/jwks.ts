import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { parseJson } from '../json.ts';

/** RFC 7517, 5. Each key is left to jose to judge. */
const jwksSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

/** @throws ZodError where the document is no JWKS */
export function parseJwks(document: unknown): JSONWebKeySet {
  return jwksSchema.parse(document);
}

/** Whether the text is a JWKS document. */
export function isJwksText(text: string): boolean {
  return jwksSchema.safeParse(parseJson(text)).success;
}
