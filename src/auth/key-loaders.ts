import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { WatchedFile } from '../watched-file.ts';
import { parseJwks } from './jwks.ts';
import { KeyLoadError } from './load-failure.ts';

/** OpenID Connect Discovery 1.0, 3 and RFC 8414, 2: only what is needed here. */
const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

const FETCH_TIMEOUT_MS = 5000;
const MAX_DOCUMENT_BYTES = 512 * 1024;

export type KeyLoader = () => Promise<JSONWebKeySet>;

export function keysFromUrl(url: string): KeyLoader {
  return async () => parseJwks(await fetchJson(url));
}

/** Finds where the keys are in the issuer's own metadata, each time, since the issuer may move them. */
export function keysByDiscovery(issuer: string): KeyLoader {
  const metadataUrl = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  return async () => {
    const metadata = metadataSchema.parse(await fetchJson(metadataUrl));
    if (metadata.issuer !== issuer) throw new KeyLoadError('other_issuer');
    return parseJwks(await fetchJson(metadata.jwks_uri));
  };
}

export function keysFromFile(file: WatchedFile): KeyLoader {
  return async () => parseJwks(JSON.parse(file.content()));
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    redirect: 'error',
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200 || response.body === null) {
    // An unread body would hold its connection.
    await response.body?.cancel();
    throw new KeyLoadError(`status_${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MAX_DOCUMENT_BYTES) throw new KeyLoadError('too_large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
