/**
 * What the page does in a browser: it asks for itself again every two seconds and takes over what changed, node by node, so that
 * focus, selection and place stay. Served as it stands; without it the page is the same and reloads.
 */
export const PAGE_SCRIPT = `'use strict';
const REFRESH_EVERY_MS = 2000;
const ANSWER_TIMEOUT_MS = 5000;
const live = document.getElementById('live');
let timer;
let asking = false;
let silentSince;

function tell(words) {
  if (live.textContent !== words) live.textContent = words;
}

function become(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeName !== fresh.nodeName || old.childNodes.length !== fresh.childNodes.length) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const children = [...fresh.childNodes];
  [...old.childNodes].forEach((child, at) => become(child, children[at]));
}

function show(fresh) {
  const parts = [...fresh.querySelectorAll('[data-fresh]')];
  const shown = [...document.querySelectorAll('[data-fresh]')];
  if (parts.length !== shown.length) throw new Error('that is another page');
  shown.forEach((part, at) => become(part, parts[at]));
  document.title = fresh.title;
  document.body.classList.remove('silent');
  silentSince = undefined;
  tell('Refreshed every ' + REFRESH_EVERY_MS / 1000 + ' seconds.');
}

function tellSilence() {
  silentSince ??= new Date().toISOString().slice(11, 19) + ' UTC';
  document.title = 'no answer – magic-hour-bff';
  document.body.classList.add('silent');
  tell('No answer since ' + silentSince + '. All below is from before; it is tried again every ' + REFRESH_EVERY_MS / 1000 + ' seconds.');
}

async function refresh() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(location.href, { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    if (!answer.ok) throw new Error('status ' + answer.status);
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'));
  } catch {
    tellSilence();
  }
  asking = false;
  timer = setTimeout(refresh, REFRESH_EVERY_MS);
}

document.addEventListener('visibilitychange', refresh);
tell('Refreshed every ' + REFRESH_EVERY_MS / 1000 + ' seconds.');
timer = setTimeout(refresh, REFRESH_EVERY_MS);
`;
