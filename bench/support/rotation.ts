import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rotatingScript } from './lua.ts';
import { prepareRing } from './ring.ts';
import { type Surroundings, tokensOfUsers } from './surroundings.ts';

const USERS = 8;

/** What hot lookups are sent with: the ring's projects, asked for by several users in turn. */
export async function prepareRotation(surroundings: Surroundings) {
  const tokens = await tokensOfUsers(surroundings.issuer, USERS);
  const { ring, expected } = await prepareRing(surroundings);
  /** For wrk. */
  const script = join(surroundings.folder, 'rotating.lua');
  await writeFile(script, rotatingScript(tokens, ring.ids));
  return { tokens, ring, expected, script };
}
