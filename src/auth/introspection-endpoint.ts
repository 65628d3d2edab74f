import { z } from 'zod';
import { fetchJson } from './fetch-json.ts';
import { discover, endpoint } from './issuer-metadata.ts';

const metadataSchema = z.object({ introspection_endpoint: endpoint });

const MAX_ANSWER_BYTES = 64 * 1024;
/** The issuer may move its endpoint. */
const DISCOVER_EVERY_MS = 10 * 60_000;

/** How this service is known to the issuer. */
export interface IntrospectionClient {
  readonly clientId: string;
  /** As it is now. */
  readonly clientSecret: () => string;
  /** `undefined` where the issuer's metadata says it. */
  readonly url: string | undefined;
}

/** @throws (by its promise) what `fetchJson` throws, or ZodError */
export type AskIssuer = (token: string) => Promise<unknown>;

/** Asks an issuer about tokens at its endpoint (RFC 7662, 2.1). */
export function introspectionEndpoint(
  issuer: string,
  client: IntrospectionClient,
  clock: { now(): number },
): AskIssuer {
  let discovered: { readonly url: Promise<string>; readonly atMs: number } | undefined;

  /** Once for all who ask at one time. */
  function findEndpoint(): string | Promise<string> {
    if (client.url !== undefined) return client.url;
    if (discovered === undefined || clock.now() - discovered.atMs > DISCOVER_EVERY_MS) {
      const metadata = discover(issuer, metadataSchema);
      discovered = { url: metadata.then((said) => said.introspection_endpoint), atMs: clock.now() };
    }
    return discovered.url;
  }

  return async (token) => {
    try {
      return await fetchJson(await findEndpoint(), {
        method: 'POST',
        headers: { authorization: basicCredentials(client.clientId, client.clientSecret()) },
        body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
        maxBytes: MAX_ANSWER_BYTES,
      });
    } catch (error) {
      discovered = undefined;
      throw error;
    }
  };
}

/** RFC 6749, 2.3.1: both are form-encoded first. */
function basicCredentials(id: string, secret: string): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
}
