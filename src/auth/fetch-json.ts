import { UnusableAnswerError } from './load-failure.ts';

const FETCH_TIMEOUT_MS = 5000;

export interface JsonRequest {
  readonly method?: 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

/**
 * Asks an issuer for a JSON document. Redirects are not followed: they lead to an address that no setting names.
 *
 * @throws UnusableAnswerError, SyntaxError or what fetch throws; `loadFailure` words them
 */
export async function fetchJson(
  url: string,
  { maxBytes, ...request }: JsonRequest & { readonly maxBytes: number },
): Promise<unknown> {
  const response = await fetch(url, {
    ...request,
    redirect: 'error',
    headers: { accept: 'application/json', ...request.headers },
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200 || response.body === null) {
    // An unread body would hold its connection.
    await response.body?.cancel();
    throw new UnusableAnswerError(`status_${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxBytes) throw new UnusableAnswerError('too_large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
