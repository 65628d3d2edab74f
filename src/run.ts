import { readFileSync } from 'node:fs';
import pino from 'pino';
import { z } from 'zod';
import { ConfigError, type Environment, loadConfig } from './config.ts';
import { createLogger, describeError } from './log.ts';
import { inBatches } from './log-batches.ts';
import { createRequestLog } from './request-log.ts';
import { startService } from './service.ts';
import { tameHeap } from './v8-heap.ts';

/** sysexits.h */
const EX_CONFIG = 78;
const EX_SOFTWARE = 70;

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

export type StopListener = (signal: NodeJS.Signals) => void;

/**
 * The life of the process, from its settings to its exit code.
 *
 * @param onStop is given what a signal to stop does, as soon as there is something to stop
 */
export function run(environment: Environment, onStop: (stop: StopListener) => void): void {
  live(environment, onStop).catch((error: unknown) => {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EX_CONFIG);
    }
    process.stderr.write(`could not start: ${JSON.stringify(describeError(error))}\n`);
    process.exit(EX_SOFTWARE);
  });
}

async function live(environment: Environment, onStop: (stop: StopListener) => void): Promise<void> {
  const config = loadConfig(environment);
  const destination = inBatches(pino.destination({ sync: false }));
  // However the process ends; and before pino's own listener, which closes what this writes to.
  process.prependOnceListener('exit', () => destination.flushSync());
  const logger = createLogger({ level: config.log.level, version, destination });

  process.on('uncaughtException', (error) => {
    logger.fatal({ error: describeError(error) }, 'defect: the process stops');
    process.exit(EX_SOFTWARE);
  });

  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) {
      logger.warn({ signal }, 'second signal: exiting at once');
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    stopping = true;
    logger.info({ signal }, 'stopping');
    const finished = await (await starting).stop();
    logger.info({ finished }, 'stopped');
    process.exit(0);
  }

  const starting = startService(config, {
    logger,
    logRequest: createRequestLog({ logger, version, destination }),
    clock: { now: Date.now },
    version,
    nodeVersion: process.versions.node,
  });
  onStop(stop);
  const service = await starting;
  tameHeap();
  logger.info({ public: service.publicUrl, ops: service.opsUrl }, 'ready');
}
