import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { WatchedFile } from '../watched-file.ts';
import { fetchJson } from './fetch-json.ts';
import { discover, endpoint } from './issuer-metadata.ts';
import { parseJwks } from './jwks.ts';

const metadataSchema = z.object({ jwks_uri: endpoint });

const MAX_JWKS_BYTES = 512 * 1024;

export type KeyLoader = () => Promise<JSONWebKeySet>;

export function keysFromUrl(url: string): KeyLoader {
  return async () => parseJwks(await fetchJson(url, { maxBytes: MAX_JWKS_BYTES }));
}

/** Finds where the keys are in the issuer's own metadata, each time, since the issuer may move them. */
export function keysByDiscovery(issuer: string): KeyLoader {
  return async () => {
    const { jwks_uri } = await discover(issuer, metadataSchema);
    return keysFromUrl(jwks_uri)();
  };
}

export function keysFromFile(file: WatchedFile): KeyLoader {
  return async () => parseJwks(JSON.parse(file.content()));
}
