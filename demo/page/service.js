// @ts-check
// All that a frontend needs to speak to the service: a token, a lookup, and the client that follows a project. Copy it.
// (`/client/index.ts` is the client of this repository, its types taken away; yours comes from `magic-hour-bff/client`.)
import { watchProject as watch } from '/client/index.ts';

/** How long before its end a token is replaced. */
const EARLY_MS = 30_000;

/** @type {{ session: Promise<{ access_token: string, expires_in: number, service: string }>, untilMs: number } | undefined} */
let signedIn;

/**
 * Your own login goes here. The token is kept in memory alone: what stands in localStorage, any script of the page can read.
 */
async function signIn() {
  if (signedIn === undefined || Date.now() > signedIn.untilMs) {
    const session = fetch('token', { method: 'POST' }).then((response) => response.json());
    signedIn = { session, untilMs: Number.POSITIVE_INFINITY };
    signedIn.untilMs = Date.now() + (await session).expires_in * 1000 - EARLY_MS;
  }
  return signedIn.session;
}

/** Where the service is. */
export async function serviceUrl() {
  return (await signIn()).service;
}

/**
 * One lookup.
 *
 * @param {string} id
 * @param {string} [etag] of the answer that you have: 304 then means that it is still right
 * @returns {Promise<Response>} whatever came back, errors too
 */
export async function lookUp(id, etag) {
  const { access_token, service } = await signIn();
  return fetch(`${service}/v1/image-projects/${encodeURIComponent(id)}`, {
    headers: { Authorization: `Bearer ${access_token}`, ...(etag && { 'If-None-Match': etag }) },
    // This page shows what the service answers. Leave this out: then the browser's own cache saves you many requests.
    cache: 'no-store',
  });
}

/**
 * Follows a project until it is over: one request in place of many polls, and it comes back by itself where that breaks.
 *
 * @param {string} id
 * @param {{ onStatus: (project: import('/client/index.ts').Project<'image'>) => void, signal: AbortSignal }} options
 */
export async function watchProject(id, options) {
  const baseUrl = await serviceUrl();
  return watch(id, { baseUrl, token: async () => (await signIn()).access_token, ...options });
}

/** The error that an answer tells of. Decide by `code`; `message` is for people. @param {Response} response */
export async function errorOf(response) {
  const { message, code } = await response.json();
  return Object.assign(new Error(message), { code });
}
