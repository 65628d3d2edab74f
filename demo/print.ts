import { styleText } from 'node:util';

/** Those that this service is about; helmet's and the connection's own are left out. */
const TELLING_HEADERS = [
  'cache-status',
  'age',
  'cache-control',
  'etag',
  'retry-after',
  'www-authenticate',
  'ratelimit',
  'x-request-id',
];
const MAX_BODY_LENGTH = 150;

export function heading(text: string): void {
  line(`\n${styleText('bold', text)}`);
}

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function showExchange(request: string, response: Response, body: string): void {
  line(`\n  ${styleText('cyan', request)}`);
  line(
    `  ${styleText(response.status < 400 ? 'green' : 'yellow', `${response.status} ${response.statusText}`)}`,
  );
  for (const name of TELLING_HEADERS) {
    const value = response.headers.get(name);
    if (value !== null) line(`  ${styleText('dim', `${name}:`)} ${value}`);
  }
  if (body !== '') line(`  ${body.length > MAX_BODY_LENGTH ? `${body.slice(0, MAX_BODY_LENGTH)}…` : body}`);
}
