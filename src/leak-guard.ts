import { HttpError } from './errors.ts';

/** Keeps the company's keys from leaving in a response, whatever mistake put them there. */
export interface LeakGuard {
  /** Whether a key is in it, as it is or in a common encoding. */
  finds(text: string | Uint8Array): boolean;
  /** @throws HttpError upstream_bad_response where a key is in it, which is counted */
  inspect(text: string | Uint8Array): void;
}

/** What is shorter stands in texts by chance. */
const MIN_SECRET_LENGTH = 8;

/**
 * @param secrets asked for each time, since keys change in their files
 * @param leakStopped a fact for whoever counts
 */
export function createLeakGuard(secrets: () => readonly string[], leakStopped: () => void): LeakGuard {
  const known = new Map<string, readonly string[]>();

  function spellingsOf(secret: string): readonly string[] {
    const present = known.get(secret);
    if (present !== undefined) return present;
    const made = secret.length < MIN_SECRET_LENGTH ? [] : spellings(secret);
    known.set(secret, made);
    return made;
  }

  function finds(text: string | Uint8Array): boolean {
    const searched = typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.length);
    return secrets().some((secret) => spellingsOf(secret).some((spelling) => searched.includes(spelling)));
  }

  return {
    finds,
    inspect(text) {
      if (!finds(text)) return;
      leakStopped();
      throw new HttpError('upstream_bad_response', { reason: "held the company's key" });
    },
  };
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
