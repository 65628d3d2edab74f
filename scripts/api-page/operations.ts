import { type Html, html } from '../../src/status/html.ts';
import type { Content, Description, Operation, Parameter, Response } from './description.ts';
import { fromMarkdown, fromMarkdownLine } from './markdown.ts';
import { schemaLink, shapeOf } from './schemas.ts';

/** The operations of a tag. What is only a twin of another (HEAD, the preflights) takes a line. */
export function operationsOf(
  tag: Description['tags'][number],
  { operations, components }: Description,
): Html {
  const tagged = operations.filter(({ tags }) => tags.includes(tag.name));
  const shown = tagged.filter(({ method }) => method !== 'head' && method !== 'options');
  return html`<section aria-labelledby="${idOf(tag.name)}">
<h2 id="${idOf(tag.name)}">${tag.name}</h2>
${fromMarkdown(tag.description)}
${shown.map((operation) => {
  const twins = tagged.filter(
    ({ path, method }) =>
      path === operation.path && !shown.some((one) => one.path === path && one.method === method),
  );
  return operationPart(operation, twins, components.headers);
})}
</section>
`;
}

export function idOf(tag: string): string {
  return `tag-${tag.toLowerCase().replaceAll(' ', '-')}`;
}

function operationPart(
  operation: Operation,
  twins: readonly Operation[],
  headers: Description['components']['headers'],
): Html {
  const { operationId, method, path, summary, description, parameters, responses, requestBody } = operation;
  return html`<details class="operation" id="${operationId}">
<summary><h3><span class="method">${method.toUpperCase()}</span> <code>${breakable(path)}</code></h3> <span class="summary">${summary}</span></summary>
${fromMarkdown(description)}
<p class="quiet">${operation.security.length === 0 ? 'Needs no token.' : 'Needs a token.'}${operation.listener === 'ops' ? ' On the ops listener, never on this one.' : ''}${twins.length === 0 ? '' : ` Also: ${twins.map((twin) => twin.method.toUpperCase()).join(', ')}.`}</p>
${
  parameters.length === 0
    ? ''
    : html`<h4>Parameters</h4>
<dl>${parameters.map(parameterPart)}</dl>`
}
${requestBody === undefined ? '' : html`<h4>Body</h4>${fromMarkdown(requestBody.description)}${contentPart(requestBody.content)}`}
<h4>Answers</h4>
<dl>${Object.entries(responses).map(([status, response]) => responsePart(status, response, headers))}</dl>
</details>
`;
}

function parameterPart({ name, in: where, required, description, schema }: Parameter): Html {
  return html`<dt><code>${name}</code> <span class="quiet">${where}${required ? ', required' : ''}; ${shapeOf(schema)}</span></dt>
<dd>${fromMarkdown(description)}</dd>
`;
}

/** Errors have one shape and a part of the page to themselves. */
function responsePart(status: string, response: Response, known: Description['components']['headers']): Html {
  const isError = Number(status) >= 400;
  const names = Object.keys(response.headers).filter((name) => name in known && !isEverywhere(name));
  return html`<dt><code>${status}</code></dt>
<dd>${fromMarkdown(response.description)}
${
  isError || names.length === 0
    ? ''
    : html`<p class="quiet">Headers: ${join(names.map((name) => html`<a href="#header-${name}">${name}</a>`))}</p>`
}
${isError ? '' : contentPart(response.content)}</dd>
`;
}

function contentPart(content: Content): Html[] {
  return Object.entries(content).map(([type, { schema, examples }]) => {
    const shown = Object.values(examples);
    return html`<p class="quiet"><code>${type}</code>${schemaLink(schema)}</p>
${shown.map(
  ({
    summary,
    value,
  }) => html`<details><summary>Example${summary === undefined ? '' : html`: ${fromMarkdownLine(summary)}`}</summary>
<pre tabindex="0"><code>${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</code></pre></details>
`,
)}`;
  });
}

/** Helmet's and what else each response carries; the introduction says so once. */
export function isEverywhere(header: string): boolean {
  return /^(Content-Security-Policy|Cross-Origin-|Origin-Agent|Referrer-|Strict-Transport|X-(?!Request-Id)|Vary)/.test(
    header,
  );
}

function join(parts: readonly Html[]): Html[] {
  return parts.map((part, n) => (n === 0 ? part : html`, ${part}`));
}

/** May be broken after each slash, on a phone. */
function breakable(path: string): Html[] {
  return path.split(/(?<=\/)/).map((part) => html`${part}<wbr>`);
}
