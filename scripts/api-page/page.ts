import { html, toMarkup } from '../../src/status/html.ts';
import { readDescription } from './description.ts';
import { fromMarkdown, readErrors, withoutTables } from './markdown.ts';
import { idOf, isEverywhere, operationsOf } from './operations.ts';
import { schemaPart } from './schemas.ts';
import { tryForm } from './try-form.ts';

/**
 * The page of `GET /docs`, whole; its style and its script are files beside it. Addresses are relative to /docs, since a
 * proxy may put the service below a path.
 *
 * @param document the API description
 * @param errors docs/errors.md, which explains each code
 */
export function renderApiPage(document: unknown, errors: string): string {
  const description = readDescription(document);
  const { info, tags, operations, components } = description;
  const headers = Object.entries(components.headers).filter(([name]) => !isEverywhere(name));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/page.css">
<script type="module" src="docs/page.js"></script>
</head>
<body>
<a class="skip" href="#try-it">To the form: try a lookup</a>
<header>
<h1>${info.title}</h1>
<p>${info.summary}</p>
<p class="quiet">Version ${info.version}. For machines: <a href="openapi.json">openapi.json</a></p>
</header>
<nav aria-label="On this page"><ul>
<li><a href="#try-it">Try a lookup</a></li>
<li><a href="#guide">Guide</a></li>
${tags.map(
  ({ name }) => html`<li><a href="#${idOf(name)}">${name}</a></li>
`,
)}<li><a href="#errors">Errors</a></li>
<li><a href="#headers-known">Headers</a></li>
<li><a href="#schemas">Bodies</a></li>
</ul></nav>
<main>
${tryForm(operations)}
<section id="guide" aria-label="Guide">
${fromMarkdown(withoutTables(info.description))}
</section>
${tags.map((tag) => operationsOf(tag, description))}
<section aria-labelledby="errors">
<h2 id="errors">Errors</h2>
<dl>${readErrors(errors).map(
    ({
      status,
      code,
      happened,
      remedy,
    }) => html`<dt id="error-${code}"><code>${code}</code> <span class="quiet">${status}</span></dt>
<dd data-error="${code}"><p>${happened}</p><p><strong>What to do:</strong> ${remedy}</p></dd>
`,
  )}</dl>
</section>
<section aria-labelledby="headers-known">
<h2 id="headers-known">Headers</h2>
<dl>${headers.map(
    ([name, header]) => html`<dt id="header-${name}"><code>${name}</code></dt>
<dd>${fromMarkdown(header.description)}</dd>
`,
  )}</dl>
</section>
<section aria-labelledby="schemas">
<h2 id="schemas">Bodies</h2>
${Object.entries(components.schemas).map(schemaPart)}
</section>
</main>
</body>
</html>
`;
  return toMarkup(page);
}
