import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type CertificateAuthority, createCertificateAuthority } from './certificates.ts';
import { startTlsRedis, type TlsRedis } from './redis-tls.ts';

let authority: CertificateAuthority;
let redis: TlsRedis;
beforeAll(async () => {
  authority = await createCertificateAuthority();
  redis = await startTlsRedis(await authority.issue(), 'secret');
});
afterAll(async () => {
  await redis.stop();
  await authority.remove();
});

async function shownCertificate() {
  const { hostname: host, port } = new URL(redis.url);
  const socket = connect({ host, port: Number(port), ca: authority.certificatePem });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return { socket, ...socket.getPeerCertificate() };
}

test('it shows a certificate of the authority, and another one when told, to those who were connected too', async () => {
  const first = await shownCertificate();
  expect(first.subjectaltname).toContain('DNS:localhost');
  const dropped = once(first.socket, 'close');
  await redis.changeCertificate(await authority.issue());
  await dropped;
  expect((await shownCertificate()).serialNumber).not.toBe(first.serialNumber);
});

test('an expired certificate and one of another name are refused by Node', async () => {
  await redis.changeCertificate(await authority.issue({ validDays: -1 }));
  await expect(shownCertificate()).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
  await redis.changeCertificate(await authority.issue({ names: 'DNS:redis.example' }));
  await expect(shownCertificate()).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});
