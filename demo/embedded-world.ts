import { loadConfig } from '../src/config.ts';
import { createLogger } from '../src/log.ts';
import { type Service, startService } from '../src/service.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startTokenIssuer, type TokenIssuer } from '../test/support/token-issuer.ts';

export interface World extends Pick<Service, 'publicUrl' | 'opsUrl'> {
  readonly issuer: TokenIssuer;
  /** Requests that one user may make in a minute. */
  readonly limit: number;
  stop(): Promise<void>;
}

/** Few enough that the session reaches it, enough to play with. */
const LIMIT = 30;
const VERSION = 'demo';

/** Starts everything on this machine's own ports 8080 and 9464, or on any free ones where those are taken. */
export async function startWorld(): Promise<World> {
  const emulator = await startMagicHourEmulator();
  const issuer = await startTokenIssuer();
  const settings = {
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: String(LIMIT),
    HOST: '127.0.0.1',
  };
  const start = (ports: Readonly<Record<string, string>>) =>
    startService(loadConfig({ ...settings, ...ports }), {
      // The session itself tells what happens.
      logger: createLogger({ level: 'silent', version: VERSION, destination: process.stdout }),
      logRequest: () => undefined,
      clock: { now: Date.now },
      version: VERSION,
      nodeVersion: process.versions.node,
    });
  const service = await start({}).catch(() => start({ PORT: '0', OPS_PORT: '0' }));
  return {
    publicUrl: service.publicUrl,
    opsUrl: service.opsUrl,
    issuer,
    limit: LIMIT,
    async stop() {
      await service.stop();
      await Promise.all([emulator.close(), issuer.close()]);
    },
  };
}
