import type { TLSSocket } from 'node:tls';

/** When the certificate ends that the other side showed: Unix milliseconds, `undefined` where there is none. */
export function certificateExpiresAtMs(socket: TLSSocket): number | undefined {
  const endsMs = socket.getPeerX509Certificate()?.validToDate.getTime();
  return endsMs === undefined || Number.isNaN(endsMs) ? undefined : endsMs;
}
