/**
 * Takes the picture of the status page that the docs show: a service with Redis, under a little load of all kinds.
 * `npm run status:picture`: writes docs/images/status-page.png. LOAD_SECONDS=5 for a quick look.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBrowser } from '../test/support/browser.ts';
import { startMagicHourEmulator } from '../test/support/magic-hour-emulator.ts';
import { startRedisServer } from '../test/support/redis-server.ts';
import { startServiceProcess } from '../test/support/service-process.ts';
import { startTokenIssuer } from '../test/support/token-issuer.ts';

const PICTURE = fileURLToPath(new URL('../docs/images/status-page.png', import.meta.url));
const LOAD_SECONDS = Number(process.env.LOAD_SECONDS ?? 75);
const PROJECTS = 400;

const emulator = await startMagicHourEmulator();
const issuer = await startTokenIssuer();
const redis = await startRedisServer();
const service = await startServiceProcess({
  MAGIC_HOUR_API_KEY: emulator.apiKey,
  MAGIC_HOUR_BASE_URL: emulator.baseUrl,
  AUTH_ISSUER: issuer.issuer,
  AUTH_AUDIENCE: issuer.audience,
  REDIS_URL: redis.url,
  LOG_LEVEL: 'info',
});
const browser = await startBrowser();
try {
  await load();
  const page = await browser.newPage({ viewport: { width: 1120, height: 900 }, deviceScaleFactor: 1.5 });
  await page.goto(service.opsUrl);
  await page.getByText('Refreshed every').waitFor();
  mkdirSync(fileURLToPath(new URL('../docs/images/', import.meta.url)), { recursive: true });
  await page.screenshot({ path: PICTURE, fullPage: true });
  process.stdout.write(`wrote ${PICTURE}\n`);
} finally {
  await browser.close();
  service.kill('SIGTERM');
  await service.exited;
  await Promise.all([redis.stop(), issuer.close(), emulator.close()]);
}

/** Users who look at some projects often and at most of them seldom. */
async function load(): Promise<void> {
  const endsAtMs = performance.now() + LOAD_SECONDS * 1000;
  const tokens = await Promise.all(Array.from({ length: 20 }, (_, n) => issuer.token({ sub: `user-${n}` })));
  for (let n = 0; performance.now() < endsAtMs; n += 1) {
    const project = Math.floor(PROJECTS * Math.random() ** 3);
    const id = n % 500 === 499 ? `status-503-${n}` : `complete-${project}`;
    const answer = await fetch(`${service.publicUrl}/v1/image-projects/${id}`, {
      headers: { authorization: `Bearer ${tokens[n % tokens.length]}` },
    });
    await answer.arrayBuffer();
    await delay(8);
  }
}
