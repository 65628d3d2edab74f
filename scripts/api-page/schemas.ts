import { z } from 'zod';
import { type Html, html } from '../../src/status/html.ts';
import { fromMarkdown } from './markdown.ts';

const REF = '#/components/schemas/';

const looseSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().default(''),
  const: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), z.unknown()).default({}),
  items: z.unknown().optional(),
  allOf: z.array(z.unknown()).default([]),
  anyOf: z.array(z.unknown()).default([]),
});
type Schema = z.infer<typeof looseSchema>;

/** A schema of `components` with its fields. */
export function schemaPart([name, value]: readonly [string, { readonly title: string }]): Html {
  const schema = looseSchema.parse(value);
  return html`<details id="schema-${name}">
<summary><h3>${value.title}</h3></summary>
${fromMarkdown(schema.description)}
${fieldsOf(schema)}
</details>
`;
}

/** The kind of value in a few words: `integer, 0 to 86400`. */
export function shapeOf(value: unknown): string {
  const { type, const: only, enum: values, minimum, maximum, pattern, anyOf } = looseSchema.parse(value);
  if (only !== undefined) return `always ${JSON.stringify(only)}`;
  const words = [type ?? [...new Set(anyOf.map(shapeOf))]].flat().join(' or ') || 'anything';
  const bounds = [
    minimum === undefined ? '' : `from ${minimum}`,
    maximum === undefined ? '' : `to ${maximum}`,
  ];
  const limits = [
    bounds.filter(Boolean).join(' '),
    pattern ?? '',
    values === undefined ? '' : `one of ${values.join(', ')}`,
  ];
  return [words, ...limits.filter(Boolean)].join(', ');
}

/** Says which schema of `components` a content has, where it has one. */
export function schemaLink(value: unknown): Html | string {
  const schema = looseSchema.parse(value);
  const ref = schema.$ref ?? schema.allOf.map((part) => looseSchema.parse(part).$ref).find(Boolean);
  if (ref === undefined) return '';
  const name = ref.slice(REF.length);
  return html`, <a href="#schema-${name}">${name}</a>`;
}

function fieldsOf(schema: Schema): Html[] {
  const inherited = schema.allOf.map((part) => {
    const { $ref } = looseSchema.parse(part);
    return $ref === undefined
      ? fieldsOf(looseSchema.parse(part))
      : html`<p>All of <a href="#schema-${$ref.slice(REF.length)}">${$ref.slice(REF.length)}</a>, and:</p>`;
  });
  const fields = Object.entries(schema.properties).map(([name, value]) => {
    const field = looseSchema.parse(value);
    const items = field.items === undefined ? [] : fieldsOf(looseSchema.parse(field.items));
    return html`<dt><code>${name}</code> <span class="quiet">${shapeOf(field)}${schema.required.includes(name) ? ', always there' : ''}</span></dt>
<dd>${fromMarkdown(field.description)}${fieldsOf(field)}${items}</dd>
`;
  });
  return [...inherited.flat(), ...(fields.length === 0 ? [] : [html`<dl>${fields}</dl>`])];
}
