/**
 * `npm run openapi`: writes docs/openapi.json, which the service serves, from docs/openapi.yaml, which people edit.
 * The service doesn't do it itself: parsing the YAML would hold up all requests for a quarter of a second.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

const documentIn = (name: string) => new URL(`../docs/${name}`, import.meta.url);

const description: unknown = parse(readFileSync(documentIn('openapi.yaml'), 'utf8'));
writeFileSync(documentIn('openapi.json'), `${JSON.stringify(description, null, 2)}\n`);
