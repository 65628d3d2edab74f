import { readFileSync } from 'node:fs';
import { decoded } from './key-values.ts';

/** What is shorter stands in other values by chance. */
const MIN_LENGTH = 4;

/** A secret, and each part of it that alone is one: of an address or of a list of headers. */
export function secretParts(secret: string): string[] {
  const value = secret.trim();
  const parts = [value, ...partsOfAddress(value), ...partsOfList(value)];
  return parts.flatMap((part) => [part, decoded(part) ?? part]).filter(({ length }) => length >= MIN_LENGTH);
}

/** @returns nothing where the file can't be read */
export function secretInFile(path: string): string[] {
  try {
    return secretParts(readFileSync(path, 'utf8'));
  } catch {
    return [];
  }
}

/** Whether a part of a secret stands in it, as it is or percent-encoded. */
export function repeatsAny(parts: readonly string[], text: string): boolean {
  const plain = decoded(text) ?? text;
  return parts.some((part) => text.includes(part) || plain.includes(part));
}

function partsOfAddress(value: string): string[] {
  const url = URL.parse(value);
  if (url === null) return [];
  const { username, password, searchParams } = url;
  // A name that stands alone is mostly a password whose colon was forgotten.
  return [password === '' ? username : password, ...searchParams.values()];
}

/** Of `key=value`, comma-separated, the values; of `Bearer …` what follows the scheme, too. */
function partsOfList(value: string): string[] {
  return value
    .split(',')
    .filter((item) => item.includes('='))
    .map((item) => item.slice(item.indexOf('=') + 1).trim())
    .flatMap((item) => [item, (decoded(item) ?? item).replace(/^.*\s/s, '')]);
}
