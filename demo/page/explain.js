// @ts-check
// What the headers of an answer say, in words.

/**
 * @param {Response} response
 * @returns {{ name: string, value: string, words: string }[]} those that there are
 */
export function explainHeaders({ status, headers }) {
  const explanations = {
    'Cache-Status': explainCache,
    Age: (/** @type {string} */ age) => `Magic Hour gave this answer ${age} s ago.`,
    ETag: () =>
      status === 304
        ? 'What you sent in If-None-Match is still right: 304, and no body was sent.'
        : 'The name of this answer. Send it as If-None-Match, and no change costs a 304 without a body.',
    'Cache-Control': (/** @type {string} */ value) =>
      value.includes('no-cache')
        ? 'The browser may keep it, and asks before it is used again: the project is not over.'
        : 'The browser may use it that many seconds without asking, never past the end of a download link.',
    RateLimit: explainLimit,
    'Retry-After': (/** @type {string} */ seconds) =>
      status === 429
        ? `Too many requests. Ask again in ${seconds} s.`
        : `Asking again can bring news in ${seconds} s.`,
  };
  return Object.entries(explanations).flatMap(([name, explain]) => {
    const value = headers.get(name);
    return value === null ? [] : [{ name, value, words: explain(value) }];
  });
}

/** @param {string} value RFC 9211 */
function explainCache(value) {
  if (value.includes('detail=memory'))
    return 'A hit: this replica had it in memory. Magic Hour was not asked.';
  if (value.includes('hit')) return 'A hit: another replica had asked for it. Magic Hour was not asked.';
  if (value.includes('collapsed')) return 'Somebody was asking at the same time; both got one answer.';
  return 'A miss: Magic Hour was asked, with the key that only the server has.';
}

/** @param {string} value as IETF draft 8 has it; the user's own limit stands last */
function explainLimit(value) {
  const [, left, seconds] = /"user"; r=(\d+); t=(\d+)/.exec(value) ?? [];
  return `${left} more requests are yours in the next ${seconds} s.`;
}
