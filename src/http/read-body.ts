import { HttpError } from '../errors.ts';
import type { AppRequest, AppResponse } from './request-context.ts';

/**
 * Reads a body's raw bytes. What is refused is still taken from the line, as Node does it for any body that nobody reads, and
 * the whole request has its time limit there.
 *
 * @throws HttpError request_too_large, request_timeout; invalid_request where it is not sent as it is, or breaks off
 */
export async function readBody(
  req: AppRequest,
  res: AppResponse,
  { maxBytes, withinMs }: { readonly maxBytes: number; readonly withinMs: number },
): Promise<Buffer> {
  const { 'content-length': length, 'content-encoding': coding = 'identity', expect } = req.headers;
  if (coding.toLowerCase() !== 'identity')
    throw new HttpError('invalid_request', { reason: 'content coding' });
  if (Number(length ?? 0) > maxBytes) throw new HttpError('request_too_large');
  if (expect?.toLowerCase() === '100-continue') res.writeContinue();

  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const deadline = setTimeout(() => reject(new HttpError('request_timeout')), withinMs);
  const take = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) reject(new HttpError('request_too_large'));
    else chunks.push(chunk);
  };
  const breakOff = () => reject(new HttpError('invalid_request', { reason: 'body broke off' }));
  req.on('data', take);
  req.once('end', () => resolve(Buffer.concat(chunks)));
  req.once('error', breakOff);
  req.once('close', breakOff);
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    req.off('data', take);
    req.resume();
  }
}
