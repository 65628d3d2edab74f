import { loadConfig } from '../src/config.ts';
import { createLogger } from '../src/log.ts';
import { type Service, startService } from '../src/service.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startTokenIssuer, type TokenIssuer } from '../test/support/token-issuer.ts';
import { type PageBackend, startPageServer } from './page-server.ts';

export interface World extends Pick<Service, 'publicUrl' | 'opsUrl'> {
  /** The page that is to be opened first. */
  readonly pageUrl: string;
  readonly issuer: TokenIssuer;
  /** Requests that one user may make in so many seconds. */
  readonly limit: number;
  readonly windowSeconds: number;
  stop(): Promise<void>;
}

/** Few enough that the session reaches it, enough to play with. */
const LIMIT = 30;
/** Soon over, so that nobody has to wait long. */
const WINDOW_SECONDS = 20;
const VERSION = 'demo';

/**
 * Starts everything on this machine's own ports 8080 and 9464, or on any free ones where those are taken.
 *
 * @param ports `any`: on free ones in the first place
 */
export async function startWorld({ ports: wanted }: { readonly ports?: 'any' } = {}): Promise<World> {
  const emulator = await startMagicHourEmulator({ drawsPictures: true });
  const issuer = await startTokenIssuer();
  const backend = Promise.withResolvers<PageBackend>();
  const page = await startPageServer(backend.promise);
  const settings = {
    MAGIC_HOUR_API_KEY: emulator.apiKey,
    MAGIC_HOUR_BASE_URL: emulator.baseUrl,
    AUTH_ISSUER: issuer.issuer,
    AUTH_AUDIENCE: issuer.audience,
    RATE_LIMIT_MAX: String(LIMIT),
    RATE_LIMIT_WINDOW_SECONDS: String(WINDOW_SECONDS),
    CORS_ORIGINS: page.url,
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
  const anyPorts = { PORT: '0', OPS_PORT: '0' };
  const service = await (wanted === 'any' ? start(anyPorts) : start({}).catch(() => start(anyPorts)));
  backend.resolve({
    serviceUrl: service.publicUrl,
    picturesUrl: emulator.baseUrl,
    token: (user) => issuer.token({ sub: user }),
  });
  return {
    pageUrl: page.url,
    publicUrl: service.publicUrl,
    opsUrl: service.opsUrl,
    issuer,
    limit: LIMIT,
    windowSeconds: WINDOW_SECONDS,
    async stop() {
      await page.close();
      await service.stop();
      await Promise.all([emulator.close(), issuer.close()]);
    },
  };
}
