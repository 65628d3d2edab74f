import { createHash, hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose';

/** Encrypts what is kept outside of this process; both ways authenticated, and bound to what it is for. */
export interface Sealing {
  /** @param salt without which nobody can open it, whoever has the master keys */
  seal(content: string, purpose: string, salt: string): Promise<string>;
  /** @returns `undefined` for what was not sealed so, or by a key that is no longer known */
  open(sealed: string, purpose: string, salt: string): Promise<string | undefined>;
}

const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const;
const KEY_ID_LENGTH = 16;

/**
 * Compact JWE (RFC 7516) under a key of its own for each purpose and salt (HKDF, RFC 5869).
 *
 * @param masterKeys as they are at the moment: the first seals, all open
 */
export function createSealing(masterKeys: () => readonly string[]): Sealing {
  return {
    seal(content, purpose, salt) {
      const [master] = masterKeys();
      if (master === undefined) throw new Error('there is no key to seal with');
      return new CompactEncrypt(Buffer.from(content))
        .setProtectedHeader({ ...ALGORITHM, kid: keyIdOf(master) })
        .encrypt(derive(master, purpose, salt));
    },
    async open(sealed, purpose, salt) {
      try {
        const { kid } = decodeProtectedHeader(sealed);
        const master = masterKeys().find((key) => keyIdOf(key) === kid);
        if (master === undefined) return undefined;
        const { plaintext } = await compactDecrypt(sealed, derive(master, purpose, salt), {
          keyManagementAlgorithms: [ALGORITHM.alg],
          contentEncryptionAlgorithms: [ALGORITHM.enc],
        });
        return Buffer.from(plaintext).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}

function derive(master: string, purpose: string, salt: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', master, salt, `magic-hour-bff ${purpose}`, 32));
}

/** Tells which key it was and nothing of it. */
function keyIdOf(master: string): string {
  return createHash('sha256').update(`key id ${master}`).digest('base64url').slice(0, KEY_ID_LENGTH);
}
