/** `npm run logs -- [--check] [--file PATH]`: writes docs/logs.md's list of events from `src/log-events.ts`. */
import { COMMON_FIELDS, LOG_EVENTS, type LogEvent } from '../src/log-events.ts';
import { keepMarkedPart } from './marked-part.ts';

const events = Object.entries<LogEvent>(LOG_EVENTS);

keepMarkedPart({
  name: 'logs',
  what: 'the list of events',
  file: 'docs/logs.md',
  content: [fieldsOfEach(), overview(), ...events.map(section)].join('\n'),
});

function fieldsOfEach(): string {
  return `\n## Fields of every line\n\n${fieldTable(COMMON_FIELDS)}`;
}

function overview(): string {
  const rows = events.map(
    ([name, { levels, message }]) => `| [\`${name}\`](#${name}) | ${levels.join(', ')} | ${message} |`,
  );
  return ['## Events', '', '| event | level | message |', '|---|---|---|', ...rows, ''].join('\n');
}

function section([name, { meaning, action, runbook, fields }]: [string, LogEvent]): string {
  const more = runbook === undefined ? '' : ` See [operations](operations.md#${runbook}).`;
  const table = Object.keys(fields).length === 0 ? 'It has no fields of its own.\n' : fieldTable(fields);
  return `### ${name}\n\n${meaning}\n\n**What to do:** ${action}${more}\n\n${table}`;
}

function fieldTable(fields: LogEvent['fields']): string {
  const rows = Object.entries(fields).map(
    ([name, { type, meaning, when }]) =>
      `| \`${name}\` | ${type} | ${meaning} | ${when === undefined ? 'always' : `if ${when}`} |`,
  );
  return ['| field | type | meaning | there |', '|---|---|---|---|', ...rows, ''].join('\n');
}
