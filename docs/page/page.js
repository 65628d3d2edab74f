// @ts-check
// What the page of GET /docs does in a browser: it sends the lookup that its form describes, shows the true answer, and the
// same request as a command. The token stays in its field: it is stored nowhere and never shown.

const form = byId('try', HTMLFormElement);
const token = byId('token', HTMLInputElement);
const told = byId('told');
const command = byId('command');
const ifNoneMatch = form.querySelector('[data-name="If-None-Match"]');

/** Where this page tells about a header, by its name in small letters. */
const described = new Map(
  [...document.querySelectorAll('[id^="header-"]')].map(({ id }) => [
    id.slice('header-'.length).toLowerCase(),
    `#${id}`,
  ]),
);

/** @type {AbortController | undefined} */
let asking;
/** The ETag of the last answer. */
let etag = '';

/** The request that the form describes, without the token. */
function readForm() {
  const chosen = new FormData(form);
  const path = `${chosen.get('path')}${chosen.get('rest') ?? ''}`;
  const id = byId('project-id', HTMLInputElement).value.trim();
  const url = new URL(path.replace('{id}', encodeURIComponent(id)), new URL('.', document.baseURI));
  /** @type {Record<string, string>} */
  const headers = {};
  for (const input of form.querySelectorAll('input')) {
    const { in: where, name = '' } = input.dataset;
    const value = input.value.trim();
    if (value === '') continue;
    if (where === 'query') url.searchParams.set(name, value);
    if (where === 'header') headers[name] = value;
  }
  return { url, headers };
}

function showCommand() {
  const { url, headers } = readForm();
  const others = Object.entries(headers).map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`);
  // Without -N curl would hold events back.
  const option = url.pathname.endsWith('/events') ? '-iN' : '-i';
  command.textContent = `curl ${option} -H "Authorization: Bearer $TOKEN"${others.join('')} \\\n  ${quoted(url.href)}`;
}

/** For a POSIX shell. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function ask() {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  byId('answer').hidden = true;
  byId('stop').hidden = false;
  tell('Asking …');
  const { url, headers } = readForm();
  const credentials = token.value.trim().replace(/^Bearer +/i, '');
  try {
    const response = await fetch(url, {
      headers: { ...headers, ...(credentials !== '' && { Authorization: `Bearer ${credentials}` }) },
      // The answer shall be the service's own, not one that the browser kept.
      cache: 'no-store',
      credentials: 'omit',
      signal: mine.signal,
    });
    await show(response, mine.signal);
  } catch (error) {
    if (asking !== mine) return;
    if (mine.signal.aborted) tell('Stopped.');
    else tell(`No answer: ${error instanceof Error ? error.message : 'unknown'}`, 'bad');
  }
  if (asking === mine) byId('stop').hidden = true;
}

/** @param {Response} response @param {AbortSignal} signal */
async function show(response, signal) {
  const headers = [...response.headers].map(([name, value]) => ({ name, value, about: described.get(name) }));
  // First those that this page says something about.
  headers.sort((one, other) => Number(other.about !== undefined) - Number(one.about !== undefined));
  byId('headers').replaceChildren(...headers.map(row));
  etag = response.headers.get('etag') ?? '';
  byId('use-etag').hidden = etag === '';
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  if (isStream) await showStream(response, signal);
  else showText(response, await response.text());
  // On a phone it is below the form.
  told.scrollIntoView({ block: 'nearest' });
}

/** @param {Response} response @param {string} text */
function showText({ status, statusText }, text) {
  const body = parsed(text);
  byId('body').textContent =
    text === '' ? '(none)' : body === undefined ? text : JSON.stringify(body, null, 2);
  showLinks(body?.downloads);
  const words = explain(status, body?.code);
  byId('answer').hidden = false;
  const kind = status < 400 ? 'good' : status < 500 ? 'warn' : 'bad';
  tell([`${status} ${statusText}`.trim(), ...words].join('. '), kind);
}

/** Events are shown as they come. @param {Response} response @param {AbortSignal} signal */
async function showStream({ status, statusText, body }, signal) {
  byId('body').textContent = '';
  showLinks([]);
  explain(status, undefined);
  byId('answer').hidden = false;
  tell(`${status} ${statusText}. The stream is open`.trim(), 'good');
  const reader = body?.pipeThrough(new TextDecoderStream(), { signal }).getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read())
    byId('body').append(part.value);
  const [, last = ''] = /^data: (.*)\n\n$/m.exec(byId('body').textContent?.slice(-10_000) ?? '') ?? [];
  showLinks(parsed(last)?.downloads);
  tell(`${status} ${statusText}. The stream has ended`, 'good');
}

/** What docs/errors.md says of a code stands in this page. @param {number} status @param {unknown} code */
function explain(status, code) {
  const advice = byId('advice');
  const known = document.querySelector(`[data-error="${CSS.escape(String(code))}"]`);
  advice.hidden = known === null;
  advice.replaceChildren(...(known === null ? [] : known.cloneNode(true).childNodes));
  if (known !== null) return [String(code)];
  return status === 304 ? ['What you have is still right, so there is no body'] : [];
}

/** Links only: the files are the users'. @param {unknown} downloads */
function showLinks(downloads) {
  const urls = Array.isArray(downloads) ? downloads.map((each) => String(each?.url)) : [];
  const links = urls
    .filter((url) => /^https?:/.test(url))
    .map((url) => {
      const link = Object.assign(document.createElement('a'), {
        href: url,
        rel: 'noreferrer',
        target: '_blank',
      });
      link.textContent = url.split('?')[0] ?? url;
      const item = document.createElement('li');
      item.append(link);
      return item;
    });
  byId('links').hidden = links.length === 0;
  byId('links')
    .querySelector('ul')
    ?.replaceChildren(...links);
}

/** @param {{ name: string, value: string, about: string | undefined }} header */
function row({ name, value, about }) {
  const header = document.createElement('th');
  header.scope = 'row';
  if (about === undefined) header.textContent = name;
  else header.append(Object.assign(document.createElement('a'), { href: about, textContent: name }));
  const cell = document.createElement('td');
  cell.textContent = value;
  const made = document.createElement('tr');
  made.append(header, cell);
  return made;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {string} words @param {'' | 'good' | 'warn' | 'bad'} kind */
function tell(words, kind = '') {
  told.className = kind;
  told.textContent = words;
}

/**
 * @template {HTMLElement} T
 * @param {string} id @param {new () => T} type
 * @returns {T}
 */
function byId(id, type = /** @type {new () => T} */ (HTMLElement)) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

form.addEventListener('input', showCommand);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});
byId('stop').addEventListener('click', () => asking?.abort());
byId('use-etag').addEventListener('click', () => {
  if (ifNoneMatch instanceof HTMLInputElement) ifNoneMatch.value = etag;
  showCommand();
  ask();
});
byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(command.textContent ?? '');
  byId('copied').textContent = 'Copied.';
});
// Browsers have a clipboard for https and this machine alone.
byId('copy').hidden = navigator.clipboard === undefined;
form.hidden = false;
showCommand();
