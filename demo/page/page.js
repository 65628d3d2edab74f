// @ts-check
// This page: buttons on the one side, service.js on the other.
import { explainHeaders } from './explain.js';
import { errorOf, lookUp, serviceUrl, watchProject } from './service.js';

const MANY = 60;
const KEPT_ANSWERS = 6;
const askButtons = ['again', 'etag', 'many'].map((id) => byId(id, HTMLButtonElement));

/** The project that is followed, and what ends that. */
let projectId = '';
let following = new AbortController();
/** Of the last answer with a body. */
let etag = '';

async function start() {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  byId('result').hidden = true;
  byId('told').textContent = 'Starting …';
  enableAsking(false);
  try {
    const response = await fetch('projects', { method: 'POST', signal });
    projectId = (await response.json()).id;
    await showService();
    await watchProject(projectId, { onStatus: showProject, signal });
    enableAsking(true);
    await show(await lookUp(projectId));
  } catch (error) {
    if (!signal.aborted) byId('told').textContent = `That went wrong: ${wordsOf(error)}`;
  }
}

/** @param {import('/client/index.ts').Project<'image'>} project */
function showProject({ status, downloads, error }) {
  const steps = [...byId('steps').children];
  const now = steps.findIndex((step) => step.getAttribute('data-status') === status);
  steps.forEach((step, at) => {
    step.className = at < now || status === 'complete' ? 'done' : '';
    if (at === now) step.setAttribute('aria-current', 'step');
    else step.removeAttribute('aria-current');
  });
  byId('told').textContent = error ? `It failed: ${error.message}` : `The project is ${status}.`;
  const [download] = downloads ?? [];
  if (status === 'complete' && download?.url && download.expires_at) {
    const image = byId('image', HTMLImageElement);
    image.src = download.url;
    image.alt = 'A sun over hills, drawn for this project';
    const expires = byId('expires', HTMLTimeElement);
    expires.dateTime = download.expires_at;
    expires.textContent = new Date(download.expires_at).toLocaleString('en');
    byId('result').hidden = false;
  }
}

/** What an answer's headers say; its body is known already. @param {Response} response */
async function show(response) {
  const { status } = response;
  etag = response.headers.get('etag') ?? etag;
  const facts = explainHeaders(response);
  byId('headers').replaceChildren(
    ...facts.flatMap(({ name, value, words }) => [
      element('dt', name),
      element('dd', element('code', value), element('p', words)),
    ]),
  );
  const news = response.ok || status === 304 ? (facts[0]?.words ?? '') : wordsOf(await errorOf(response));
  const words = status === 304 ? '304: no change, and no body' : `${status}: ${news}`;
  byId('asked').textContent = words;
  byId('answers').prepend(element('li', words));
  for (const old of [...byId('answers').children].slice(KEPT_ANSWERS)) old.remove();
  byId('past').hidden = false;
}

/** Shows the limit: a client of yours stops by itself, as this does, and comes back after `Retry-After`. */
async function askMany() {
  enableAsking(false);
  for (let n = 0; n < MANY; n += 1) {
    const response = await lookUp(projectId, etag);
    await show(response);
    if (response.status === 429) return waitUntilAllowed(Number(response.headers.get('Retry-After')));
  }
  enableAsking(true);
}

/** @param {number} seconds */
function waitUntilAllowed(seconds) {
  byId('asked').textContent =
    `429: too many requests. The buttons come back in ${seconds} s, as Retry-After says.`;
  setTimeout(() => {
    enableAsking(true);
    byId('asked').textContent = 'You may ask again.';
  }, seconds * 1000);
}

async function showService() {
  const origin = await serviceUrl();
  byId('service').textContent = origin;
  byId('docs', HTMLAnchorElement).href = `${origin}/docs`;
}

/** @param {boolean} enabled */
function enableAsking(enabled) {
  for (const button of askButtons) button.disabled = !enabled;
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : 'unknown';
}

/** Text goes in as text, never as markup. @param {string} tag @param {(Node | string)[]} content */
function element(tag, ...content) {
  const made = document.createElement(tag);
  made.append(...content);
  return made;
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

byId('start').addEventListener('click', start);
byId('again').addEventListener('click', async () => show(await lookUp(projectId)));
byId('etag').addEventListener('click', async () => show(await lookUp(projectId, etag)));
byId('many').addEventListener('click', askMany);
