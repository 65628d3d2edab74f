import { Marked, type Tokens } from 'marked';
import { type Html, html } from '../../src/status/html.ts';

/** What is told of an error's code in docs/errors.md. */
export interface ErrorAdvice {
  readonly status: string;
  readonly code: string;
  readonly happened: Html;
  readonly remedy: Html;
}

const markdown = new Marked({
  renderer: {
    // Other documents of the repository are not served.
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      return /^(https?:|#)/.test(href) ? `<a href="${href}">${text}</a>` : text;
    },
    // What is wider than a phone scrolls by itself, with the keyboard too.
    code({ text }) {
      return `<pre tabindex="0"><code>${escapeText(text)}</code></pre>\n`;
    },
    table(token) {
      const row = (cells: readonly Tokens.TableCell[], tag: string) =>
        `<tr>${cells.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join('')}</tr>`;
      return `<div class="wide" tabindex="0"><table><thead>${row(token.header, 'th')}</thead><tbody>${token.rows
        .map((cells) => row(cells, 'td'))
        .join('\n')}</tbody></table></div>\n`;
    },
  },
});

/** Texts of our own repository; what they hold of HTML stays HTML. */
export function fromMarkdown(text: string): Html {
  return trusted(markdown.parse(text, { async: false }));
}

export function fromMarkdownLine(text: string): Html {
  return trusted(markdown.parseInline(text.trim(), { async: false }));
}

/** The same without its tables. */
export function withoutTables(text: string): string {
  const tokens = markdown.lexer(text);
  return tokens
    .filter(({ type }) => type !== 'table')
    .map(({ raw }) => raw)
    .join('');
}

/** The rows of docs/errors.md. @throws Error where its table has other columns */
export function readErrors(text: string): ErrorAdvice[] {
  const table = markdown.lexer(text).find((token): token is Tokens.Table => token.type === 'table');
  const columns = table?.header.map((cell) => cell.text).join();
  if (columns !== 'status,code,what happened,what to do') throw new Error('docs/errors.md has other columns');
  return (table?.rows ?? []).map((cells) => {
    const [status = '', code = '', happened = '', remedy = ''] = cells.map((cell) => cell.text);
    return {
      status,
      code: code.replaceAll('`', ''),
      happened: fromMarkdownLine(happened),
      remedy: fromMarkdownLine(remedy),
    };
  });
}

/** `html` takes the fixed parts of a template as they are. */
function trusted(markup: string): Html {
  return html(Object.assign([markup], { raw: [markup] }));
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
