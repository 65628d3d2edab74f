/** Reported as one JSON line, since wrk's own words round. */
const DONE = `
function done(summary, latency, requests)
  local e = summary.errors
  local format = 'RESULT {"requests":%d,"durationMicroseconds":%d,"failures":%d,"p50Microseconds":%d,"p99Microseconds":%d}\\n'
  io.write(string.format(format, summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** Every user asks for every project in turn; the requests are made ahead, so that the load costs little. */
export function rotatingScript(tokens: readonly string[], ids: readonly string[]): string {
  return `
local tokens = { ${quoted(tokens)} }
local ids = { ${quoted(ids)} }
local requests, count, at = {}, 0, 0
function init()
  for _, token in ipairs(tokens) do
    for _, id in ipairs(ids) do
      count = count + 1
      requests[count] = wrk.format('GET', '/v1/image-projects/' .. id, { Authorization = 'Bearer ' .. token })
    end
  end
end
function request()
  at = at % count + 1
  return requests[at]
end
${DONE}`;
}

/**
 * Asks for `p000000`, `p000001`, … and starts over after the last one: for a cache that evicts the least recently
 * used, each lookup is then of a project that it has just dropped.
 *
 * @param prefix in place of that `p`, for projects of their own
 */
export function walkingScript(tokens: readonly string[], projects: number, prefix = 'p'): string {
  return `
local tokens = { ${quoted(tokens)} }
local tails, at = {}, -1
function init()
  for i, token in ipairs(tokens) do
    tails[i] = ' HTTP/1.1\\r\\nHost: ' .. wrk.headers['Host'] .. '\\r\\nAuthorization: Bearer ' .. token .. '\\r\\n\\r\\n'
  end
end
function request()
  at = (at + 1) % ${projects}
  return string.format('GET /v1/image-projects/${prefix}%06d', at) .. tails[at % #tails + 1]
end
${DONE}`;
}

function quoted(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}
