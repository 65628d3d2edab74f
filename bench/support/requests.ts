/** A lookup as it goes over the wire. */
export function lookupRequest(url: string, id: string, token: string): Buffer {
  return Buffer.from(
    `GET /v1/image-projects/${id} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
}

/** Every user asks for every project in turn, as `rotatingScript` has it for wrk; made ahead. */
export function rotatingRequests(
  url: string,
  tokens: readonly string[],
  ids: readonly string[],
): (n: number) => Buffer {
  const requests = tokens.flatMap((token) => ids.map((id) => lookupRequest(url, id, token)));
  return (n) => requests[n % requests.length] ?? Buffer.alloc(0);
}

/** Project after project, as `walkingScript` has it for wrk. */
export function walkingRequests(
  url: string,
  tokens: readonly string[],
  projects: number,
): (n: number) => Buffer {
  return (n) => {
    const project = n % projects;
    const token = tokens[project % tokens.length] ?? '';
    return lookupRequest(url, `p${`${project}`.padStart(6, '0')}`, token);
  };
}
