/**
 * `npm run openapi`: writes from docs/openapi.yaml, which people edit, what the service serves: docs/openapi.json, and the
 * page for people, docs/page/index.html. The service doesn't do it itself: parsing the YAML would hold up all requests for a
 * quarter of a second.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { renderApiPage } from './api-page/page.ts';

const documentIn = (name: string) => new URL(`../docs/${name}`, import.meta.url);
const textOf = (name: string) => readFileSync(documentIn(name), 'utf8');

const description: unknown = parse(textOf('openapi.yaml'));
writeFileSync(documentIn('openapi.json'), `${JSON.stringify(description, null, 2)}\n`);
writeFileSync(documentIn('page/index.html'), renderApiPage(description, textOf('errors.md')));
