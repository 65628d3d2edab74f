import { isIP } from 'node:net';
import type { AppRequest } from './request-context.ts';

/** An address as some proxies forward it, with its port: `203.0.113.1:80`, `[2001:db8::1]:80`, `[2001:db8::1]`. */
const WITH_PORT = /^(?:\[(?<v6>[0-9A-Fa-f:.]{2,45})\]|(?<v4>[\d.]{7,15}))(?::\d{1,5})?$/;

/**
 * The address that a request comes from: its peer's, or what a named proxy says. Where that is no address, the proxy's own
 * counts: each new word (or port) would otherwise be somebody that nobody has seen before.
 *
 * @returns an IP address; `undefined` where the connection is gone already
 */
export function clientAddress(req: Pick<AppRequest, 'ip' | 'socket'>): string | undefined {
  const said = req.ip ?? '';
  if (isIP(said) !== 0) return said;
  const { v6 = '', v4 = '' } = WITH_PORT.exec(said)?.groups ?? {};
  return [v6, v4].find((address) => isIP(address) !== 0) ?? req.socket.remoteAddress;
}
