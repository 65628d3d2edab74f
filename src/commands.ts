import { type Command, USAGE } from './command-line.ts';
import { type Config, ConfigError, type Environment, loadConfig } from './config.ts';
import { type EffectiveSetting, effectiveSettings } from './effective-settings.ts';
import { messageOf } from './log.ts';
import { unknownSettings } from './unknown-settings.ts';

/** What a command that starts nothing has to say. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly valid: boolean;
}

/** Opens no port, no connection and no watch. */
export function runCommand(
  command: Exclude<Command, 'start'>,
  environment: Environment,
  version: string,
): Outcome {
  switch (command) {
    case 'help':
      return { stdout: USAGE, stderr: '', valid: true };
    case 'version':
      return { stdout: `${version}\n`, stderr: '', valid: true };
    case 'check-config': {
      const checked = checkConfig(environment);
      return { ...checked, stdout: checked.valid ? 'the configuration is valid\n' : '' };
    }
    case 'print-config':
      return { ...checkConfig(environment), stdout: table(effectiveSettings(environment)) };
  }
}

function checkConfig(environment: Environment): Omit<Outcome, 'stdout'> {
  const unknown = unknownSettings(environment).map((variable) => messageOf('unknown_setting', { variable }));
  try {
    const config = loadConfig(environment);
    const alone = isWithoutRedis(config) ? [messageOf('redis_not_configured')] : [];
    return { stderr: warnings([...unknown, ...alone]), valid: true };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { stderr: `${warnings(unknown)}${error.message}\n`, valid: false };
  }
}

function isWithoutRedis({ redis }: Config): boolean {
  return redis.url === undefined && redis.clusterNodes.length === 0 && redis.sentinelName === undefined;
}

function warnings(messages: readonly string[]): string {
  return messages.map((message) => `warning: ${message}\n`).join('');
}

function table(settings: readonly EffectiveSetting[]): string {
  const widest = (column: 'variable' | 'value') =>
    Math.max(...settings.map((setting) => setting[column].length));
  const widths = { variable: widest('variable'), value: Math.min(widest('value'), 48) };
  return settings
    .map(
      ({ variable, value, origin }) =>
        `${variable.padEnd(widths.variable)}  ${value.padEnd(widths.value)}  ${origin}\n`,
    )
    .join('');
}
