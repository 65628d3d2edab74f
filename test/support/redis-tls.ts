import type { Certificate } from './certificates.ts';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import type { RedisTopology } from './redis-topology.ts';

export interface TlsRedis extends RedisTopology {
  readonly server: RedisServer;
  /** `rediss://`, by the name of this machine. */
  readonly url: string;
  /** Shows another certificate to all who connect from now on, and drops those who are connected. */
  changeCertificate(certificate: Certificate): Promise<void>;
}

/**
 * A real Redis server that speaks TLS to whoever uses `url`. The plain port beside it is the tests' own door, so that
 * what they look at and change there has nothing to do with the TLS that they test.
 */
export async function startTlsRedis(certificate: Certificate, password: string): Promise<TlsRedis> {
  const tlsPort = await freePort();
  const files = filesOf(certificate).flatMap(([name, value]) => [`--${name}`, value]);
  const server = await startRedisServer({
    password,
    args: ['--tls-port', `${tlsPort}`, '--tls-auth-clients', 'no', ...files],
  });
  const url = `rediss://:${encodeURIComponent(password)}@localhost:${tlsPort}`;
  return {
    server,
    servers: [server],
    url,
    env: { REDIS_URL: url },
    async changeCertificate(next) {
      await server.command('CONFIG', 'SET', ...filesOf(next).flat());
      await server.command('CLIENT', 'KILL', 'LADDR', `127.0.0.1:${tlsPort}`);
    },
    stop: server.stop,
  };
}

function filesOf({ certificateFile, keyFile }: Certificate): Array<[name: string, value: string]> {
  return [
    ['tls-cert-file', certificateFile],
    ['tls-key-file', keyFile],
  ];
}
