import { readFileSync } from 'node:fs';
import pino from 'pino';
import { z } from 'zod';
import { type Command, readCommandLine, USAGE, UsageError } from './command-line.ts';
import { runCommand } from './commands.ts';
import { type Config, ConfigError, type Environment, loadConfig } from './config.ts';
import { describeError } from './describe-error.ts';
import { CouldNotListenError } from './http/listen.ts';
import { createLogger, type Logger } from './log.ts';
import { inBatches } from './log-batches.ts';
import { createRequestLog } from './request-log.ts';
import { startService } from './service.ts';
import { unknownSettings } from './unknown-settings.ts';
import { tameHeap } from './v8-heap.ts';

/** sysexits.h */
const EX_USAGE = 64;
const EX_CONFIG = 78;
const EX_SOFTWARE = 70;

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')));

export type StopListener = (signal: NodeJS.Signals) => void;

/**
 * What the process does, from its command line to its exit code.
 *
 * @param onStop is given what a signal to stop does, as soon as there is something to stop
 */
export function run(
  args: readonly string[],
  environment: Environment,
  onStop: (stop: StopListener) => void,
): void {
  const command = commandOrExit(args);
  if (command === 'start') {
    serve(environment, onStop);
    return;
  }
  const { stdout, stderr, valid } = runCommand(command, environment, version);
  process.stderr.write(stderr);
  process.stdout.write(stdout);
  process.exitCode = valid ? 0 : EX_CONFIG;
}

function commandOrExit(args: readonly string[]): Command {
  try {
    return readCommandLine(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${USAGE}`);
    return process.exit(EX_USAGE);
  }
}

/** The life of the service, from its settings to its exit code. */
function serve(environment: Environment, onStop: (stop: StopListener) => void): void {
  const config = configOrExit(environment);
  const destination = inBatches(pino.destination({ sync: false }));
  // However the process ends; and before pino's own listener, which closes what this writes to.
  process.prependOnceListener('exit', () => destination.flushSync());
  const logger = createLogger({ level: config.log.level, version, destination });

  process.on('uncaughtException', (error) => {
    logger.event('defect', { error });
    process.exit(EX_SOFTWARE);
  });

  for (const variable of unknownSettings(environment)) logger.event('unknown_setting', { variable });

  let stopping = false;
  async function stop(signal: NodeJS.Signals): Promise<void> {
    if (stopping) {
      logger.event('second_signal', { signal });
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    stopping = true;
    logger.event('stopping', { signal });
    const finished = await (await starting).stop();
    logger.event('stopped', { finished });
    process.exit(0);
  }

  const starting = startService(config, {
    logger,
    logRequest: createRequestLog({ logger, version, destination, hitSampleRatio: config.log.hitSampleRatio }),
    clock: { now: Date.now },
    version,
    nodeVersion: process.versions.node,
  });
  onStop(stop);
  starting.then(
    (service) => {
      tameHeap();
      logger.event('ready', { public: service.publicUrl, ops: service.opsUrl });
    },
    (error: unknown) => exitUnstarted(error, logger),
  );
}

/** Faults go to stderr for people, a line each, and in one line to the log. */
function configOrExit(environment: Environment): Config {
  try {
    return loadConfig(environment);
  } catch (error) {
    const logger = createLogger({ level: 'fatal', version, destination: pino.destination({ sync: true }) });
    if (!(error instanceof ConfigError)) return exitUnstarted(error, logger);
    logger.event('configuration_invalid', { variables: error.variables, faults: error.faults });
    process.stderr.write(`${error.message}\n`);
    return process.exit(EX_CONFIG);
  }
}

function exitUnstarted(error: unknown, logger: Logger): never {
  if (error instanceof CouldNotListenError) {
    const { listener, address, code } = error;
    logger.event('could_not_listen', { listener, address, code });
    process.stderr.write(`could not listen at ${address}: ${code}\n`);
  } else {
    logger.event('could_not_start', { error });
    process.stderr.write(`could not start: ${JSON.stringify(describeError(error))}\n`);
  }
  return process.exit(EX_SOFTWARE);
}
