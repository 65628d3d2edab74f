/** `20241019T051619Z`: the basic ISO 8601 form that Google Cloud Storage signs with. */
const BASIC_DATE = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/** Google's longest signature is seven days; anything longer is no such signature. */
const MAX_LIFETIME_SECONDS = 604_800;

/**
 * When a URL signed in the Google way (V4, `X-Goog-Date` + `X-Goog-Expires`) ends, in Unix milliseconds.
 * `undefined` for any other URL.
 *
 * Source: https://cloud.google.com/storage/docs/authentication/canonical-requests#required-query-parameters
 */
export function signedUrlEndMs(url: unknown): number | undefined {
  const parameters = typeof url === 'string' ? URL.parse(url)?.searchParams : undefined;
  if (parameters === undefined) return undefined;
  const date = BASIC_DATE.exec(parameters.get('X-Goog-Date') ?? '');
  const lifetime = parameters.get('X-Goog-Expires') ?? '';
  if (date === null || !/^\d{1,6}$/.test(lifetime) || Number(lifetime) > MAX_LIFETIME_SECONDS)
    return undefined;
  const [, year, month, day, hours, minutes, seconds] = date;
  const signedMs = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(signedMs) ? undefined : signedMs + Number(lifetime) * 1000;
}
