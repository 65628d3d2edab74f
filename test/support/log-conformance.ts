import { z } from 'zod';
import {
  COMMON_FIELDS,
  type EventName,
  type FieldType,
  LOG_EVENTS,
  type LogEvent,
} from '../../src/log-events.ts';

interface DescribedError {
  readonly [field: string]: unknown;
}

/** What describe-error.ts makes of an error. */
const describedError: z.ZodType<DescribedError> = z.strictObject({
  name: z.string().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  at: z.array(z.string()).optional(),
  get cause() {
    return describedError.optional();
  },
});

const TYPES = {
  string: z.string(),
  integer: z.int(),
  number: z.number(),
  boolean: z.boolean(),
  strings: z.array(z.string()),
  error: describedError,
} satisfies Record<FieldType, z.ZodType>;

const eventName = z.custom<EventName>((name) => typeof name === 'string' && Object.hasOwn(LOG_EVENTS, name));

const schemas = new Map<string, z.ZodType>(
  Object.entries<LogEvent>(LOG_EVENTS).map(([name, { levels, fields }]) => [
    name,
    z.strictObject({
      ...shapeOf({ ...COMMON_FIELDS, ...fields }),
      level: z.enum(levels),
      time: z.iso.datetime({ precision: 3 }),
      event: z.literal(name),
    }),
  ]),
);

function shapeOf(fields: LogEvent['fields']) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { type, when }]) => [
      name,
      when === undefined ? TYPES[type] : TYPES[type].optional(),
    ]),
  );
}

/** Reads a line that the service logged. @throws where src/log-events.ts describes no such line */
export function parseLogLine(line: string): { readonly event: EventName } & Record<string, unknown> {
  try {
    const { event } = z.object({ event: eventName }).parse(JSON.parse(line));
    const fields = z.record(z.string(), z.unknown()).parse(schemas.get(event)?.parse(JSON.parse(line)));
    return { ...fields, event };
  } catch (cause) {
    throw new Error(`src/log-events.ts describes no such line: ${line}`, { cause });
  }
}
