import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { z } from 'zod';

const DOCUMENT = new URL('../../docs/openapi.yaml', import.meta.url);

const jsonSchema = z.custom<object>((value) => typeof value === 'object' && value !== null);
const examplesSchema = z.record(z.string(), z.object({ value: z.unknown() })).default({});
const headerSchema = z.object({
  required: z.boolean().default(false),
  schema: jsonSchema,
  example: z.unknown().optional(),
  examples: examplesSchema,
});
const mediaTypeSchema = z.object({ schema: jsonSchema, examples: examplesSchema });
const responseSchema = z.object({
  headers: z.record(z.string(), headerSchema).default({}),
  content: z.record(z.string(), mediaTypeSchema).default({}),
  'x-rules': z.array(z.object({ rule: z.string(), schema: jsonSchema })).default([]),
});
const operationSchema = z.object({ responses: z.record(z.string(), responseSchema) });
const parameterSchema = z.object({
  name: z.string(),
  in: z.string(),
  schema: z.object({ enum: z.array(z.string()).optional() }),
});
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z
      .object({
        'x-listener': z.enum(['public', 'ops']),
        servers: z.unknown().optional(),
        parameters: z.array(parameterSchema).default([]),
      })
      .catchall(operationSchema),
  ),
  'x-unmatched': z.record(z.enum(['public', 'ops']), z.record(z.string(), operationSchema)),
});

export type Listener = 'public' | 'ops';
export type Operation = z.output<typeof operationSchema>;
export type DocumentedResponse = z.output<typeof responseSchema>;

export interface Contract {
  /**
   * What is documented for a request; where its path or method isn't, what is documented for those (`x-unmatched`).
   *
   * @param path without a query.
   */
  operationFor(listener: Listener, method: string, path: string): { name: string; operation: Operation };
  /** One readable line for each way in which `value` does not fit the schema. */
  faultsOf(schema: object, value: unknown): string[];
}

let loaded: Contract | undefined;

/** docs/openapi.yaml, read once per process; schemas are compiled when first used. */
export function contract(): Contract {
  loaded ??= createContract(readDocument());
  return loaded;
}

/** The document as it stands, its merge keys resolved and its `$ref`s not. */
export function readDocument(): unknown {
  return parse(readFileSync(DOCUMENT, 'utf8'));
}

/** @throws Error where a `$ref` leads nowhere or in a circle, or where the document lacks what the tests need. */
export function createContract(document: unknown): Contract {
  const { paths, 'x-unmatched': unmatched } = documentSchema.parse(dereference(document));
  const routes = Object.entries(paths).map(([template, item]) => {
    const { 'x-listener': listener, servers: _, parameters, ...operations } = item;
    const segments = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema.enum?.join('|')]));
    return { listener, template, operations, pattern: patternOf(template, segments) };
  });
  const ajv = new Ajv2020({ allErrors: true, strictTypes: false, strictRequired: false });
  addFormats.default(ajv);

  return {
    operationFor(listener, method, path) {
      const route = routes.find((one) => one.listener === listener && one.pattern.test(path));
      const key = method.toLowerCase();
      const documented = route?.operations[key];
      if (documented !== undefined) return { name: `${method} ${route?.template}`, operation: documented };
      const fallback = unmatched[listener][key] ?? unmatched[listener].any;
      if (fallback === undefined) throw new Error(`x-unmatched has no \`any\` for ${listener}`);
      return { name: `${method} on an undocumented route or method`, operation: fallback };
    },
    faultsOf(schema, value) {
      // Ajv remembers what it compiled by the identity of the schema.
      const validate = ajv.compile(schema);
      return validate(value) ? [] : (validate.errors ?? []).map(describe);
    },
  };
}

/** A parameter takes one segment, or part of one; where it is an enumeration, its values are part of the route. */
function patternOf(template: string, choices: Readonly<Record<string, string | undefined>>): RegExp {
  const pattern = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.replace(/\{(\w+)\}/g, (_, name) => `(?:${choices[name] ?? '[^/]+'})`)}$`);
}

function describe({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath} ${message} ${JSON.stringify(params)}`.trimStart();
}

/** Every `$ref` replaced by what it names; equal references become the same object, so that they compile once. */
function dereference(document: unknown): unknown {
  const done = new Map<object, unknown>();
  const open = new Set<object>();

  function visit(node: unknown): unknown {
    if (typeof node !== 'object' || node === null) return node;
    if (done.has(node)) return done.get(node);
    if (open.has(node)) throw new Error('The document refers to itself in a circle');
    open.add(node);
    const result = replace(node);
    open.delete(node);
    done.set(node, result);
    return result;
  }

  function replace(node: object): unknown {
    if (Array.isArray(node)) return node.map(visit);
    if ('$ref' in node) return visit(target(document, String(node.$ref)));
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
  }

  return visit(document);
}

/** RFC 6901, within the document. */
function target(document: unknown, reference: string): unknown {
  if (!reference.startsWith('#/')) throw new Error(`$ref ${reference} leaves the document`);
  const keys = reference.slice(2).split('/');
  return keys.reduce<unknown>((node, key) => {
    const name = decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
    const found = Object.entries(node ?? {}).find(([other]) => other === name);
    if (found === undefined) throw new Error(`$ref ${reference} leads nowhere`);
    return found[1];
  }, document);
}
