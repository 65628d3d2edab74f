import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOrInstall } from './debian-program.ts';

const run = promisify(execFile);

export interface CertificateOptions {
  /** An X.509 subjectAltName as OpenSSL writes it. Default: this machine, by name and by address. */
  readonly names?: string;
  /** Default: one. A negative number makes a certificate that ended so many days ago. */
  readonly validDays?: number;
}

/** Paths of PEM files. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateAuthority {
  /** For `NODE_EXTRA_CA_CERTS`. */
  readonly certificateFile: string;
  /** For `tls.setDefaultCACertificates`. */
  readonly certificatePem: string;
  issue(options?: CertificateOptions): Promise<Certificate>;
  /** Deletes its files and those of all that it issued. */
  remove(): Promise<void>;
}

const THIS_MACHINE = 'DNS:localhost,IP:127.0.0.1';
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** An authority of this test alone, which nobody trusts by itself. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const openssl = await findOrInstall('openssl', 'OpenSSL 3');
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-certificates-'));
  const file = (name: string) => join(folder, name);
  const [certificateFile, keyFile] = [file('ca.crt'), file('ca.key')];
  let issued = 0;

  const self = ['-x509', '-days', '1', '-subj', '/CN=Test authority', '-out', certificateFile];
  await run(openssl, ['req', ...self, ...NEW_KEY, '-keyout', keyFile]);

  return {
    certificateFile,
    certificatePem: await readFile(certificateFile, 'utf8'),
    async issue({ names = THIS_MACHINE, validDays = 1 } = {}) {
      issued += 1;
      const base = file(`server-${issued}`);
      const [request, certificate, key] = [`${base}.csr`, `${base}.crt`, `${base}.key`] as const;
      const subject = ['-subj', '/CN=Test server', '-addext', `subjectAltName=${names}`];
      await run(openssl, ['req', ...subject, ...NEW_KEY, '-keyout', key, '-out', request]);
      const signed = ['-CA', certificateFile, '-CAkey', keyFile, '-copy_extensions', 'copy'];
      const files = ['-in', request, '-out', certificate];
      await run(openssl, ['x509', '-req', ...files, '-days', `${validDays}`, ...signed]);
      return { certificateFile: certificate, keyFile: key };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
