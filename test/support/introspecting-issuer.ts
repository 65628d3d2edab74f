import { createServer, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { closeNow, listen, localUrl } from './http-server.ts';
import { answer, type IssuerMode, MOVED } from './issuer-answers.ts';

/** A question about a token, as it came. */
export interface Question {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** An issuer of opaque tokens that says of them whatever a test wants it to. */
export interface IntrospectingIssuer {
  readonly issuer: string;
  readonly url: string;
  readonly questions: readonly Question[];
  /** What is said of each token from now on; of any other, that it is not active. */
  says(token: string, answer: unknown): void;
  respondWith(mode: IssuerMode): void;
  /** Holds all answers back. @returns lets them go */
  hold(): () => void;
  close(): Promise<void>;
}

/** Holds no keys: its metadata names none that can be had. */
export async function startIntrospectingIssuer(): Promise<IntrospectingIssuer> {
  const said = new Map<string, unknown>();
  const questions: Question[] = [];
  let mode: IssuerMode = 'ok';
  let held = Promise.resolve();

  const server = createServer(async (request, response) => {
    const body = await text(request);
    const url = new URL(request.url ?? '/', 'http://issuer');
    if (url.pathname === '/.well-known/openid-configuration') {
      const document = { issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` };
      return answer(response, 'ok', document);
    }
    if (url.pathname === '/jwks') return answer(response, 'ok', { keys: [] });
    if (url.pathname !== '/introspect') return response.writeHead(404).end();
    const form = new URLSearchParams(body);
    questions.push({ method: request.method ?? '', headers: request.headers, form });
    await held;
    answer(
      response,
      url.search === MOVED ? 'ok' : mode,
      Object(said.get(form.get('token') ?? '') ?? { active: false }),
    );
  });
  const issuer = localUrl('127.0.0.1', await listen(server, 0, '127.0.0.1'));

  return {
    issuer,
    url: `${issuer}/introspect`,
    questions,
    says: (token, document) => void said.set(token, document),
    respondWith: (wanted) => {
      mode = wanted;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    close: () => closeNow(server),
  };
}
