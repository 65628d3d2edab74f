import { HttpError } from './errors.ts';

/** Keeps the company's keys and secrets from leaving in a response, whatever mistake put them there. */
export interface LeakGuard {
  /** Whether a key is in it, as it is or in a common encoding. */
  finds(text: string | Uint8Array): boolean;
  /** @throws HttpError upstream_bad_response where a key is in it, which is counted */
  inspect(text: string | Uint8Array): void;
}

/** What is shorter stands in texts by chance. */
const MIN_SECRET_LENGTH = 8;

/** An answer to a request with the key before, or the one before that, can still be on its way. */
const MAX_FORMER_SECRETS = 10;

/**
 * @param secrets asked for each time, since keys change in their files
 * @param leakStopped a fact for whoever counts
 */
export function createLeakGuard(secrets: () => readonly string[], leakStopped: () => void): LeakGuard {
  const known = new Map<string, readonly string[]>();

  function learn(): void {
    const present = secrets();
    for (const secret of present) {
      if (known.has(secret)) continue;
      known.set(secret, secret.length < MIN_SECRET_LENGTH ? [] : spellings(secret));
      const [oldest] = known.keys();
      if (known.size > present.length + MAX_FORMER_SECRETS && oldest !== undefined) known.delete(oldest);
    }
  }

  function finds(text: string | Uint8Array): boolean {
    learn();
    const searched = typeof text === 'string' ? text : bytesOf(text);
    for (const spelled of known.values()) {
      if (spelled.some((spelling) => searched.includes(spelling))) return true;
    }
    return false;
  }

  learn();

  return {
    finds,
    inspect(text) {
      if (!finds(text)) return;
      leakStopped();
      throw new HttpError('upstream_bad_response', { reason: "held the company's key" });
    },
  };
}

const ESCAPED = /\\u00([0-9a-f]{2})|%([0-9a-f]{2})|\\(["\\/])/gi;

/**
 * A body as its readers see it in the end: JSON's escapes and percent encoding, which have many spellings, undone.
 * `undefined` where that is the body itself.
 */
export function unescaped(body: Uint8Array): string | undefined {
  const bytes = bytesOf(body);
  if (!bytes.includes('\\') && !bytes.includes('%')) return undefined;
  return bytes
    .toString('latin1')
    .replace(ESCAPED, (_all, json?: string, percent?: string, itself?: string) =>
      itself === undefined ? String.fromCharCode(Number.parseInt(json ?? percent ?? '', 16)) : itself,
    );
}

function bytesOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((before) => base64Within(bytes, before));
  return [
    ...new Set([
      secret,
      encodeURIComponent(secret),
      bytes.toString('hex'),
      ...base64,
      ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ]),
  ];
}

/** How bytes look inside the base64 of something longer: without the characters that their neighbours have a part in. */
function base64Within(bytes: Buffer, bytesBefore: number): string {
  const text = Buffer.concat([Buffer.alloc(bytesBefore), bytes]).toString('base64');
  return text.slice(Math.ceil((bytesBefore * 8) / 6), Math.floor(((bytesBefore + bytes.length) * 8) / 6));
}
