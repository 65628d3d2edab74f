import { parseArgs } from 'node:util';

const COMMANDS = {
  'check-config': 'say whether the configuration is valid, without starting',
  'print-config': 'the same, and print the effective settings with secrets masked, and where each comes from',
  version: 'print the version',
  help: 'print this',
} as const;

/** What the process is to do; `start` where the command line says nothing. */
export type Command = 'start' | keyof typeof COMMANDS;

export const USAGE = [
  'usage: node dist/main.js [--check-config | --print-config | --version | --help]',
  '',
  'Without an argument the service starts. Settings are environment variables; README.md lists them.',
  '',
  ...Object.entries(COMMANDS).map(([name, what]) => `  --${name.padEnd(12)}  ${what}`),
  '',
  'It ends with 0, with 64 for an unknown argument, with 78 for a configuration with faults.',
  '',
].join('\n');

/** A command line that can't be followed. Its message quotes nothing but names of options. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const NAME_OF_OPTION = /^--?[a-z][a-z-]{0,30}$/;

/** @throws UsageError */
export function readCommandLine(args: readonly string[]): Command {
  const { tokens } = parseArgs({ args: [...args], strict: false, allowPositionals: true, tokens: true });
  const commands = tokens.map((token) => {
    if (token.kind !== 'option') throw new UsageError('only options are taken as arguments');
    if (!isCommand(token.name) || !token.rawName.startsWith('--')) {
      throw new UsageError(
        NAME_OF_OPTION.test(token.rawName) ? `unknown option ${token.rawName}` : 'unknown option',
      );
    }
    if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
    return token.name;
  });
  const [command = 'start', ...others] = new Set(commands);
  if (others.length > 0) throw new UsageError('one option at a time');
  return command;
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}
