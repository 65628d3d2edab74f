import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** The value that the service's image gives an environment variable. */
export function imageVariable(name: string): string {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  const value = new RegExp(`^ENV ${name}=(\\S+)$`, 'm').exec(dockerfile)?.[1];
  assert.ok(value !== undefined, `the Dockerfile must set ${name}`);
  return value;
}
