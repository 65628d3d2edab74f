import pino, { type DestinationStream } from 'pino';
import { describeError } from './describe-error.ts';
import {
  type EventName,
  type FieldType,
  LOG_EVENTS,
  type LogEvent,
  type LogEvents,
  type LogField,
} from './log-events.ts';

export const SERVICE = 'magic-hour-bff';

/** How a caller gives a field. An error is put into safe words here (describe-error.ts), so that nobody can forget to. */
interface Given {
  readonly string: string;
  readonly integer: number;
  readonly number: number;
  readonly boolean: boolean;
  readonly strings: readonly string[];
  readonly error: unknown;
}

type Fields<E extends EventName> = LogEvents[E]['fields'] extends infer F extends Record<
  string,
  { type: FieldType }
>
  ? { readonly [K in keyof F]: Given[F[K]['type']] }
  : never;

/** Events whose lines are made elsewhere, by hand. */
type Handmade = 'request';

export interface Logger {
  /** Writes one line, of a form that src/log-events.ts describes. */
  event<E extends Exclude<EventName, Handmade>>(
    name: E,
    ...fields: keyof LogEvents[E]['fields'] extends never ? [] : [Fields<E>]
  ): void;
  isLevelEnabled(level: string): boolean;
}

export function createLogger(options: {
  readonly level: string;
  readonly version: string;
  readonly destination: DestinationStream;
}): Logger {
  const logger = pino(
    {
      level: options.level,
      base: { service: SERVICE, version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination,
  );
  return {
    event(name, ...rest) {
      const given: object = rest[0] ?? {};
      const { levels, message, fields }: LogEvent = LOG_EVENTS[name];
      logger[levels[0]]({ event: name, ...safe(fields, given) }, wordsOf(message, given));
    },
    isLevelEnabled: (level) => logger.isLevelEnabled(level),
  };
}

function safe(fields: Readonly<Record<string, LogField>>, given: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      fields[name]?.type === 'error' ? describeError(value) : value,
    ]),
  );
}

/** A message with the values of the fields that it names. */
function wordsOf(message: string, given: object): string {
  const values = new Map<string, unknown>(Object.entries(given));
  return message.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = values.get(name);
    return Array.isArray(value) ? value.join(', ') : String(value);
  });
}
