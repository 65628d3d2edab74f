import { describe, expect, test } from 'vitest';
import { readCommandLine, USAGE, UsageError } from '../../src/command-line.ts';

const COMMANDS = ['check-config', 'print-config', 'version', 'help'] as const;

describe('a command line', () => {
  test('with nothing starts the service', () => {
    expect(readCommandLine([])).toBe('start');
  });

  test.each(COMMANDS)('with --%s asks for that, and the usage tells of it', (command) => {
    expect(readCommandLine([`--${command}`])).toBe(command);
    expect(readCommandLine([`--${command}`, `--${command}`])).toBe(command);
    expect(USAGE).toContain(`  --${command} `);
  });

  test.each([
    [['--check'], 'unknown option --check'],
    [['--no-check-config'], 'unknown option --no-check-config'],
    [['-v'], 'unknown option -v'],
    [['--constructor'], 'unknown option --constructor'],
    [['--check-config=yes'], '--check-config takes no value'],
    [['--check-config', '--print-config'], 'one option at a time'],
    [['check-config'], 'only options are taken as arguments'],
    [['--', '--check-config'], 'only options are taken as arguments'],
  ])('%j is refused: %s', (args, message) => {
    expect(() => readCommandLine(args)).toThrow(new UsageError(message));
  });

  test.each([
    ['mhk_s3cret'],
    ['--mhk_s3cret'],
    ['--api-key=mhk_s3cret'],
    ['--help=mhk_s3cret'],
    ['-mhk_s3cret'],
  ])('%s is refused without a word of what may be a secret', (...args) => {
    let message = '';
    try {
      readCommandLine(args);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('UsageError');
    expect(message).not.toContain('s3cret');
  });
});
