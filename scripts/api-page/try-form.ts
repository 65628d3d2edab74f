import { type Html, html } from '../../src/status/html.ts';
import type { Operation, Parameter } from './description.ts';
import { fromMarkdown } from './markdown.ts';
import { shapeOf } from './schemas.ts';

const LOOKUP = /^\/v1\/(\w+)-projects\/\{id\}$/;
/** Seldom wanted, and so behind a fold. */
const SELDOM = ['X-Request-Id', 'traceparent'];

/**
 * The form that docs/page/page.js brings to life; it stays hidden without it. Its fields are the parameters of the lookups as
 * they are described: `data-in` and `data-name` say what becomes of each.
 */
export function tryForm(operations: readonly Operation[]): Html {
  const lookups = operations.filter(({ method, path }) => method === 'get' && LOOKUP.test(path));
  const optional = (lookups[0]?.parameters ?? []).filter(({ in: where }) => where !== 'path');
  const seldom = optional.filter(({ name }) => SELDOM.includes(name));
  return html`<section aria-labelledby="try-it" class="try">
<h2 id="try-it">Try a lookup</h2>
<noscript><p>To try it here, the page needs its script. The commands further down work without.</p></noscript>
<div class="columns">
<form id="try" hidden novalidate>
<fieldset><legend>Kind</legend>
${lookups.map(({ path }, n) => {
  const kind = LOOKUP.exec(path)?.[1] ?? '';
  return html`<label class="choice"><input type="radio" name="path" value="${path.slice(1)}"${n === 0 ? html` checked` : ''}> ${kind}</label>
`;
})}</fieldset>
${
  operations.some(({ path }) => path === `${lookups[0]?.path}/events`)
    ? html`<fieldset><legend>What</legend>
<label class="choice"><input type="radio" name="rest" value="" checked> its state</label>
<label class="choice"><input type="radio" name="rest" value="/events"> its events, until it is over</label>
</fieldset>
`
    : ''
}<div class="field">
<label for="project-id">Project id</label>
<input id="project-id" required autocomplete="off" spellcheck="false" autocapitalize="none" aria-describedby="project-id-hint">
<p class="quiet" id="project-id-hint">The id that Magic Hour gave when the project was made.</p>
</div>
<div class="field">
<label for="token">Your access token</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" aria-describedby="token-hint">
<p class="quiet" id="token-hint">It is kept by this page alone, until you close or reload it, and sent to this service alone.</p>
</div>
${optional.filter((each) => !seldom.includes(each)).map(field)}
<details><summary>More headers</summary>
${seldom.map(field)}</details>
<p class="actions"><button type="submit">Send</button> <button type="button" id="stop" hidden>Stop</button></p>
</form>
<div>
<h3 id="command-name">The same as a command</h3>
<pre tabindex="0" id="command" aria-labelledby="command-name"></pre>
<p class="actions"><button type="button" id="copy" hidden>Copy the command</button> <span role="status" id="copied"></span></p>
<p role="status" id="told"></p>
<div id="answer" hidden>
<div id="advice" hidden></div>
<p class="actions"><button type="button" id="use-etag" hidden>Ask again with this ETag</button></p>
<div id="links" hidden><h3>Downloads</h3><ul></ul></div>
<h3 id="body-name">Body of this answer</h3>
<pre tabindex="0" id="body" aria-labelledby="body-name"></pre>
<h3 id="headers-name">Headers of this answer</h3>
<div class="wide" tabindex="0" role="region" aria-labelledby="headers-name"><table aria-labelledby="headers-name"><thead><tr><th scope="col">Header</th><th scope="col">Value</th></tr></thead><tbody id="headers"></tbody></table></div>
</div>
</div>
</div>
</section>
`;
}

function field({ name, in: where, description, schema, example }: Parameter): Html {
  const id = `try-${name.toLowerCase().replaceAll('_', '-')}`;
  const isNumber = shapeOf(schema).startsWith('integer');
  return html`<div class="field">
<label for="${id}"><code>${name}</code> <span class="quiet">optional</span></label>
<input id="${id}" data-in="${where}" data-name="${name}"${isNumber ? html` inputmode="numeric"` : ''} autocomplete="off" spellcheck="false" placeholder="such as ${String(example ?? '')}" aria-describedby="${id}-hint">
<div class="quiet" id="${id}-hint">${fromMarkdown(description)}</div>
</div>
`;
}
