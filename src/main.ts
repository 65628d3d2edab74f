import { readFileSync } from 'node:fs';
import pino from 'pino';
import { z } from 'zod';
import { ConfigError, loadConfig } from './config.ts';
import { createLogger, describeError } from './log.ts';
import { startService } from './service.ts';

/** sysexits.h */
const EX_CONFIG = 78;
const EX_SOFTWARE = 70;

/** Log lines are written in batches of this size, or after this time. */
const LOG_BATCH_BYTES = 4096;
const LOG_FLUSH_MS = 200;

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

async function main(): Promise<void> {
  // Where an operator turns Node's reports on, they would hold the environment, and so the key.
  process.report.excludeEnv = true;
  const config = loadConfig(process.env);
  const destination = pino.destination({
    sync: false,
    minLength: LOG_BATCH_BYTES,
    periodicFlush: LOG_FLUSH_MS,
  });
  const logger = createLogger({ level: config.log.level, version, destination });

  process.on('uncaughtException', (error) => {
    logger.fatal({ error: describeError(error) }, 'defect: the process stops');
    destination.flushSync();
    process.exit(EX_SOFTWARE);
  });

  // From here on, and not from when it is ready: as the first process of a container it would never hear of a signal that it
  // does not listen for.
  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) {
      logger.warn({ signal }, 'second signal: exiting at once');
      destination.flushSync();
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    stopping = true;
    logger.info({ signal }, 'stopping');
    const finished = await (await starting).stop();
    logger.info({ finished }, 'stopped');
    destination.flushSync();
    process.exit(0);
  }
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  const starting = startService(config, {
    logger,
    clock: { now: Date.now },
    version,
    nodeVersion: process.versions.node,
  });
  const service = await starting;
  logger.info({ public: service.publicUrl, ops: service.opsUrl }, 'ready');
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EX_CONFIG);
  }
  process.stderr.write(`could not start: ${JSON.stringify(describeError(error))}\n`);
  process.exit(EX_SOFTWARE);
});
