import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MagicHourEmulator } from '../../test/support/magic-hour-emulator.ts';
import type { Ring } from '../contenders/kinds.ts';
import type { Surroundings } from './surroundings.ts';

const IDS = ['complete-1', 'complete-2', 'complete-3', 'complete-4', 'complete-5'] as const;

export interface Expected {
  readonly id: string;
  readonly body: string;
}

/** Some finished projects, and all that a contender is told of them and of the rest. */
export async function prepareRing({
  folder,
  redis,
  emulator,
  issuer,
}: Surroundings): Promise<{ ring: Ring; expected: readonly Expected[] }> {
  // Two downloads make a body of some 750 bytes, as real ones have.
  for (const id of IDS) emulator.project(id, { status: 'complete', downloads: [{}, {}] });
  const expected = await Promise.all(IDS.map((id) => bodyOf(emulator, id)));
  const bodiesFile = join(folder, 'bodies.json');
  await writeFile(bodiesFile, JSON.stringify(Object.fromEntries(expected.map(({ id, body }) => [id, body]))));
  const publicKeyFile = join(folder, 'issuer.pem');
  const publicKey = createPublicKey({ key: issuer.currentKey().publicJwk, format: 'jwk' });
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    ring: { folder, redis, upstream: emulator, issuer, publicKeyFile, ids: IDS, bodiesFile },
    expected,
  };
}

async function bodyOf({ baseUrl, apiKey }: MagicHourEmulator, id: string): Promise<Expected> {
  const headers = { authorization: `Bearer ${apiKey}` };
  return { id, body: await (await fetch(`${baseUrl}/v1/image-projects/${id}`, { headers })).text() };
}
