/**
 * `node scripts/fill-compile-cache.ts FOLDER ARGUMENT…`: starts the service by `node ARGUMENT…`, asks it whether it is
 * ready and stops it, so that the folder holds the compiled code of all that a start runs.
 *
 * Node takes it from there (`NODE_COMPILE_CACHE=FOLDER`) only for the same file, flags for V8, release and user id.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const TIMEOUT_MS = 60_000;

/** Nothing listens there: that Redis, the issuer and the collector of spans are away is no reason not to be ready. */
const NOBODY = '127.0.0.1:1';

const lineSchema = z.object({ event: z.string(), ops: z.url().optional() });

const [folder, ...args] = process.argv.slice(2);
const service = spawn(process.execPath, args, {
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: folder,
    HOST: '127.0.0.1',
    PORT: '0',
    OPS_HOST: '127.0.0.1',
    OPS_PORT: '0',
    MAGIC_HOUR_API_KEY: 'no-key',
    AUTH_ISSUER: `http://${NOBODY}`,
    AUTH_AUDIENCE: 'nobody',
    REDIS_URL: `redis://${NOBODY}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${NOBODY}`,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
  timeout: TIMEOUT_MS,
});
const exited = once(service, 'exit');

let status = 0;
for await (const line of createInterface({ input: service.stdout })) {
  const { event, ops } = lineSchema.parse(JSON.parse(line));
  if (event !== 'ready' || ops === undefined) continue;
  ({ status } = await fetch(`${ops}/readyz`));
  service.kill('SIGTERM');
}
const [code] = await exited;
if (code !== 0 || status !== 200) {
  process.stderr.write(`the service answered ${status} and ended with ${code}\n`);
  process.exitCode = 1;
}
