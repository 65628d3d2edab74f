/**
 * `npm run client:types`: writes client/types.ts from docs/openapi.yaml; with `--check` it only says whether that is current.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { parse } from 'yaml';
import { z } from 'zod';

const TYPES = new URL('../client/types.ts', import.meta.url);
const NAMES = ['ImageProject', 'VideoProject', 'AudioProject'];

const schemas = z.record(
  z.string(),
  z.custom<JSONSchema>((schema) => typeof schema === 'object'),
);
const description = z.object({ components: z.object({ schemas }) });

/** What the file shall hold. */
export async function clientTypes(): Promise<string> {
  const yaml = readFileSync(new URL('../docs/openapi.yaml', import.meta.url), 'utf8');
  const { components } = description.parse(parse(yaml));
  for (const schema of NAMES.concat('Project').map((name) => components.schemas[name])) tellUnknowns(schema);
  const all: JSONSchema = {
    components,
    type: 'object',
    properties: Object.fromEntries(NAMES.map((name) => [name, { $ref: `#/components/schemas/${name}` }])),
  };
  const made = await compile(all, 'All', {
    bannerComment: '// Made from docs/openapi.yaml by `npm run client:types`.\n',
    style: { singleQuote: true, printWidth: 110 },
    unreachableDefinitions: false,
  });
  return made.replace(/\nexport interface All \{[^}]*\}/, '');
}

/** A field of which nothing is said may be anything, and not only an object. */
function tellUnknowns(schema: JSONSchema | undefined): void {
  for (const part of schema?.allOf ?? []) tellUnknowns(part);
  for (const field of Object.values(schema?.properties ?? {}))
    if (Object.keys(field).join() === 'description') field.tsType = 'unknown';
}

if (import.meta.main) {
  const types = await clientTypes();
  if (!process.argv.includes('--check')) writeFileSync(TYPES, types);
  else if (readFileSync(TYPES, 'utf8') !== types) {
    process.stderr.write('client/types.ts is not what docs/openapi.yaml says: npm run client:types\n');
    process.exitCode = 1;
  }
}
