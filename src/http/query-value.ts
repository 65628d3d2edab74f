import { HttpError } from '../errors.ts';

/** The value of a query parameter; `undefined` where it is not there. @throws HttpError invalid_parameter where it is there twice */
export function queryValue(url: string, name: string): string | undefined {
  const queryAt = url.indexOf('?');
  if (queryAt === -1) return undefined;
  const [value, ...more] = new URLSearchParams(url.slice(queryAt + 1)).getAll(name);
  if (more.length > 0) throw new HttpError('invalid_parameter', { reason: name });
  return value;
}
