import { createHash } from 'node:crypto';

/**
 * A download as Magic Hour hands it out: the URL signed in the Google Cloud Storage way, and `expires_at` exactly
 * `X-Goog-Date` + `X-Goog-Expires`. The signature only looks like one.
 *
 * @param signedAtMs Unix milliseconds; a signature knows whole seconds, so the rest is dropped
 */
export function signDownload(url: string, signedAtMs: number, lifetimeSeconds: number) {
  const signedAtSeconds = Math.floor(signedAtMs / 1000);
  const date = googDate(signedAtSeconds * 1000);
  const query = `X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=${date}&X-Goog-Expires=${lifetimeSeconds}`;
  const signature = createHash('sha256').update(`${url}?${query}`).digest('hex');
  return {
    url: `${url}?${query}&X-Goog-Signature=${signature}`,
    expires_at: new Date((signedAtSeconds + lifetimeSeconds) * 1000).toISOString(),
  };
}

/** `20241019T051619Z` */
function googDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}
