export interface AgentResponse {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
  json(): unknown;
}

/**
 * A browser of the simplest kind: keeps cookies by name, as browsers do for one host whatever the port, those of a path by that
 * as well, and follows redirects by hand. It knows nothing of `SameSite`; what rests on that is tried in a real one.
 */
export interface UserAgent {
  readonly cookies: Map<string, string>;
  /** What `Set-Cookie` said, as it was sent. */
  readonly setCookies: string[];
  request(url: string, init?: RequestInit): Promise<AgentResponse>;
  /** GET, and wherever that leads; `until` is not asked any more. */
  follow(url: string, until?: (url: string) => boolean): Promise<AgentResponse>;
}

export function createUserAgent(cookies = new Map<string, string>()): UserAgent {
  const setCookies: string[] = [];

  async function request(url: string, init: RequestInit = {}): Promise<AgentResponse> {
    const headers = new Headers(init.headers);
    const { pathname } = new URL(url);
    const cookie = [...cookies]
      .map(([key, value]) => ({ name: key.replace(/ .*/, ''), path: key.replace(/^\S* ?/, ''), value }))
      .filter(({ path }) => pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    if (cookie !== '') headers.set('cookie', cookie);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      setCookies.push(line);
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      const path = /; path=(\/[^;]+)/i.exec(line)?.[1];
      const [name, value] = [pair.slice(0, at) + (path === undefined ? '' : ` ${path}`), pair.slice(at + 1)];
      if (value === '' || /max-age=0\b|expires=thu, 01 jan 1970/i.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    const text = await response.text();
    return { status: response.status, url, headers: response.headers, text, json: () => JSON.parse(text) };
  }

  async function follow(url: string, until: (url: string) => boolean = () => false): Promise<AgentResponse> {
    let response = await request(url);
    for (let hops = 0; hops < 15; hops += 1) {
      const location = response.headers.get('location');
      if (location === null || until(new URL(location, response.url).href)) return response;
      response = await request(new URL(location, response.url).href);
    }
    throw new Error('redirected without end');
  }

  return { cookies, setCookies, request, follow };
}
