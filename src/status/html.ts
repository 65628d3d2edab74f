const MARKUP = Symbol('markup');

/** Markup that may stand in a page as it is. Made by `html` alone: its symbol is known to nobody else. */
export interface Html {
  readonly [MARKUP]: string;
}

type Value = Html | readonly Html[] | string | number;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template of HTML. What is put into it is text, be it of an element or of a quoted attribute, unless it is `Html`. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { [MARKUP]: String.raw({ raw: strings }, ...values.map(markupOf)) };
}

export function toMarkup(page: Html): string {
  return page[MARKUP];
}

function markupOf(value: Value): string {
  if (typeof value === 'string' || typeof value === 'number') {
    return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
  }
  return 'map' in value ? value.map(toMarkup).join('') : toMarkup(value);
}
