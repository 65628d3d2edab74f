/**
 * The whole service with all that it needs embedded: a Magic Hour emulator, an issuer of tokens, the in-process
 * cache, and a page to play with. Shows one real session of lookups, then stays up to be tried; `--once` ends after the session.
 */
import { parseArgs } from 'node:util';
import { startWorld } from './embedded-world.ts';
import { heading, line } from './print.ts';
import { showSession } from './session.ts';

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const TOKEN_LIFETIME_SECONDS = 12 * 60 * 60;

// Whoever read this has seen enough (`| head`).
process.stdout.on('error', () => process.exit());

const world = await startWorld();
if (!values.once) {
  heading('Open this page, and start a project on it');
  line(`${world.pageUrl}\n`);
}
line(`The service listens at ${world.publicUrl}, its ops listener at ${world.opsUrl}.`);

const succeeded = await showSession(world).catch((error: unknown) => {
  line(`The session did not go as it should: ${error instanceof Error ? error.message : 'unknown'}`);
  return false;
});

if (values.once || !succeeded) {
  await world.stop();
  process.exitCode = succeeded ? 0 : 1;
} else {
  const exp = Math.floor(Date.now() / 1000) + TOKEN_LIFETIME_SECONDS;
  const token = await world.issuer.token({ sub: 'alice', exp });
  heading('Your turn');
  line(`${world.pageUrl}        # the page`);
  line(`${world.publicUrl}/docs   # the API, to read and try with this token:`);
  line(`TOKEN=${token}`);
  line(`curl -i -H "Authorization: Bearer $TOKEN" ${world.publicUrl}/v1/image-projects/complete-1`);
  line(
    `curl -i -H "Authorization: Bearer $TOKEN" ${world.publicUrl}/v1/image-projects/demo-mine   # run it a few times`,
  );
  line(
    `curl -i ${world.publicUrl}/v1/image-projects/complete-1                                     # without a token`,
  );
  line(`curl -s ${world.opsUrl}/readyz`);
  line(`curl -s ${world.opsUrl}/metrics | grep lookups_total`);
  line('');
  line('Ids that start with complete-, demo-, failed-, missing-, slow-500- or status-503- do what they say.');
  line('Ctrl+C ends it.');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void world.stop());
}
