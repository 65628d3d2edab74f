import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** Environment variables as the service's image sets them. */
export function imageVariables(...names: readonly string[]): Record<string, string> {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');
  return Object.fromEntries(
    names.map((name) => {
      const value = new RegExp(`^ENV ${name}=(\\S+)$`, 'm').exec(dockerfile)?.[1];
      assert.ok(value !== undefined, `the Dockerfile must set ${name}`);
      return [name, value];
    }),
  );
}
