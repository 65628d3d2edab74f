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
interface ValueOf {
  readonly string: string;
  readonly integer: number;
  readonly number: number;
  readonly boolean: boolean;
  readonly strings: readonly string[];
  readonly error: unknown;
}

/** Those that are not always there say when they are. */
type IsLeftOut<Field> = Field extends { readonly when: string } ? true : false;
type Fields<E extends EventName> = LogEvents[E]['fields'] extends infer F extends Record<
  string,
  { type: FieldType }
>
  ? {
      readonly [K in keyof F as IsLeftOut<F[K]> extends true ? never : K]: ValueOf[F[K]['type']];
    } & {
      readonly [K in keyof F as IsLeftOut<F[K]> extends true ? K : never]?: ValueOf[F[K]['type']];
    }
  : never;

/** The lines of requests are made by hand (request-log.ts). */
type Loggable = Exclude<EventName, 'request'>;
type Given<E extends Loggable> = keyof LogEvents[E]['fields'] extends never ? [] : [Fields<E>];

export interface Logger {
  /** Writes one line, of a form that src/log-events.ts describes. */
  event<E extends Loggable>(name: E, ...fields: Given<E>): void;
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
  const auditor = logger.child({}, { level: options.level === 'silent' ? 'silent' : 'info' });
  return {
    event(name, ...rest) {
      const given: object = rest[0] ?? {};
      const { levels, fields, audit }: LogEvent = LOG_EVENTS[name];
      (audit ? auditor : logger)[levels[0]](
        { event: name, ...safe(fields, given) },
        messageOf(name, ...rest),
      );
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

/** An event in words, with the values of the fields that its message names. */
export function messageOf<E extends Loggable>(name: E, ...rest: Given<E>): string {
  const values = new Map<string, unknown>(Object.entries(rest[0] ?? {}));
  return LOG_EVENTS[name].message.replace(/\{(\w+)\}/g, (_all, field: string) => {
    const value = values.get(field);
    return Array.isArray(value) ? value.join(', ') : String(value);
  });
}
