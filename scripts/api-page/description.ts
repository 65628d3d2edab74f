import { z } from 'zod';

const named = z.object({ description: z.string().default('') });
/** Where a schema is one of `components`, the address of that. */
const schemaSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  allOf: z.array(z.looseObject({ $ref: z.string().optional() })).optional(),
});
const exampleSchema = z.object({ summary: z.string().optional(), value: z.unknown().optional() });
const contentSchema = z.record(
  z.string(),
  z.object({ schema: schemaSchema, examples: z.record(z.string(), exampleSchema).default({}) }),
);
const parameterSchema = named.extend({
  name: z.string(),
  in: z.enum(['path', 'query', 'header', 'cookie']),
  required: z.boolean().default(false),
  schema: z.looseObject({}),
  example: z.unknown().optional(),
});
const responseSchema = named.extend({
  headers: z.record(z.string(), z.looseObject({})).default({}),
  content: contentSchema.default({}),
});
const operationSchema = named.extend({
  operationId: z.string(),
  summary: z.string(),
  tags: z.tuple([z.string()]),
  security: z.array(z.looseObject({})).default([]),
  parameters: z.array(parameterSchema).default([]),
  requestBody: named.extend({ content: contentSchema }).optional(),
  responses: z.record(z.string(), responseSchema),
});
const METHODS = ['get', 'put', 'post', 'delete', 'head', 'options'] as const;
const pathSchema = z.looseObject({
  'x-listener': z.enum(['public', 'ops']),
  parameters: z.array(parameterSchema).default([]),
});
const documentSchema = z.object({
  info: z.object({ title: z.string(), version: z.string(), summary: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), pathSchema),
  components: z.object({
    headers: z.record(z.string(), named.extend({ schema: z.looseObject({}) }).loose()),
    schemas: z.record(z.string(), z.looseObject({ title: z.string() })),
  }),
});

export type Parameter = z.infer<typeof parameterSchema>;
export type Response = z.infer<typeof responseSchema>;
export type Content = z.infer<typeof contentSchema>;
export interface Operation extends z.infer<typeof operationSchema> {
  readonly path: string;
  readonly method: (typeof METHODS)[number];
  readonly listener: 'public' | 'ops';
}
export interface Description extends Pick<z.infer<typeof documentSchema>, 'info' | 'tags' | 'components'> {
  readonly operations: readonly Operation[];
}

/** What the page shows of an OpenAPI document. References are resolved, but for those to schemas. @throws ZodError */
export function readDescription(document: unknown): Description {
  const { info, tags, paths, components } = documentSchema.parse(resolveRefs(document, document));
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method): Operation => {
      const operation = operationSchema.parse(item[method]);
      const parameters = [...item.parameters, ...operation.parameters];
      return { ...operation, parameters, path, method, listener: item['x-listener'] };
    }),
  );
  return { info, tags, operations, components };
}

const refSchema = z.object({ $ref: z.string() });

function resolveRefs(value: unknown, document: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => resolveRefs(each, document));
  if (typeof value !== 'object' || value === null) return value;
  const ref = refSchema.safeParse(value).data?.$ref;
  if (ref !== undefined && !ref.startsWith('#/components/schemas/'))
    return resolveRefs(lookUp(ref, document), document);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolveRefs(each, document)]));
}

function lookUp(ref: string, document: unknown): unknown {
  const found = ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, name) => z.record(z.string(), z.unknown()).parse(at)[name], document);
  if (found === undefined) throw new Error(`$ref ${ref} leads nowhere`);
  return found;
}
