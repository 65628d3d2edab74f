import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ERROR_CATALOGUE } from '../../src/errors.ts';
import { contract, createContract, readDocument } from './contract.ts';

const METHODS = ['get', 'head', 'options', 'delete', 'post', 'put', 'patch'];

const documentSchema = z.object({
  paths: z.record(z.string(), z.looseObject({ 'x-listener': z.enum(['public', 'ops']) })),
  components: z.record(z.string(), z.record(z.string(), z.unknown())),
});
const operationSchema = z.object({
  operationId: z.string().min(1),
  summary: z.string().min(1),
  tags: z.array(z.string()).min(1),
  security: z.array(z.unknown()),
});
const errorSchema = z.object({ properties: z.object({ code: z.object({ enum: z.array(z.string()) }) }) });
const { paths, components } = documentSchema.parse(readDocument());

const operations = Object.entries(paths).flatMap(([template, item]) =>
  METHODS.filter((method) => method in item).map((method) => ({
    described: item[method],
    ...contract().operationFor(
      item['x-listener'],
      method.toUpperCase(),
      template.replace('{kind}', 'image').replace('{id}', 'p1'),
    ),
    name: `${method.toUpperCase()} ${template}`,
  })),
);

describe('docs/openapi.yaml', () => {
  test('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator();
    // It is handed a copy of its own: it resolves references in place.
    const result = await validator.validate(structuredClone(documentSchema.loose().parse(readDocument())));
    expect([result.valid, validator.version]).toEqual([true, '3.1']);
  });

  test('says the same as docs/openapi.json, which is served: `npm run openapi` writes that', () => {
    const served = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
    expect(JSON.parse(served)).toEqual(readDocument());
  });

  test('has a $ref refused that leads nowhere or in a circle', () => {
    expect(() => createContract({ paths: { $ref: '#/gone' } })).toThrow('$ref #/gone leads nowhere');
    expect(() => createContract({ a: { b: { $ref: '#/a' } } })).toThrow('in a circle');
    expect(() => createContract(readDocument())).not.toThrow();
  });

  test('uses each of its components', () => {
    const text = JSON.stringify(readDocument());
    for (const group of ['parameters', 'headers', 'schemas', 'responses']) {
      for (const name of Object.keys(components[group] ?? {})) {
        expect(text).toContain(`"#/components/${group}/${name}"`);
      }
    }
  });

  test('names the codes of the catalogue, and no other', () => {
    const { properties } = errorSchema.parse(components.schemas?.Error);
    expect(properties.code.enum.toSorted()).toEqual(Object.keys(ERROR_CATALOGUE).toSorted());
  });

  test('gives each operation an operationId of its own, a summary, a tag and its security', () => {
    const ids = operations.map(({ described }) => operationSchema.parse(described).operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(operations)('shows an example of each body of $name that fits its schema', ({ operation }) => {
    for (const { content } of Object.values(operation.responses)) {
      for (const { schema, examples } of Object.values(content)) {
        const values = Object.values(examples).map(({ value }) => value);
        expect(values).not.toEqual([]);
        for (const value of values) expect(contract().faultsOf(schema, value)).toEqual([]);
      }
    }
  });

  test.each(operations)('shows examples of the headers of $name that fit their schemas', ({ operation }) => {
    for (const { headers } of Object.values(operation.responses)) {
      for (const { schema, example, examples } of Object.values(headers)) {
        const values = [example, ...Object.values(examples).map(({ value }) => value)];
        for (const value of values.filter((one) => one !== undefined)) {
          expect(contract().faultsOf(schema, value)).toEqual([]);
        }
      }
    }
  });
});
