import { type Context, type Span, SpanKind, type Tracer } from '@opentelemetry/api';
import type { RedisGuard, RedisOperation } from '../cache/redis-guard.ts';
import type { ActiveSpan } from './active-span.ts';
import { within } from './spans.ts';

/** The one thing that is asked of Redis on somebody's behalf and is no script. */
const PUBLISH: RedisOperation = 'purge_publish';

/**
 * A span for each command that is sent for a request; none where Redis is away and nothing is sent. ioredis's own
 * `sendCommand` is no place for it: where commands go together, it runs in the context of whoever came first.
 *
 * https://opentelemetry.io/docs/specs/semconv/database/redis/
 */
export function traceRedis(guard: RedisGuard, tracer: Tracer, active: ActiveSpan): RedisGuard {
  return {
    run(operation, command) {
      const parent = active.parent();
      if (parent === undefined) return guard.run(operation, command);
      return guard.run(operation, async () => within(startCommand(tracer, operation, parent), command));
    },
    get up() {
      return guard.up;
    },
    stop: guard.stop,
  };
}

function startCommand(tracer: Tracer, operation: RedisOperation, parent: Context): Span {
  const [name, script] = operation === PUBLISH ? ['PUBLISH', {}] : ['EVALSHA', scriptName(operation)];
  const attributes = { 'db.system.name': 'redis', 'db.operation.name': name, ...script };
  return tracer.startSpan(`${name} ${operation}`, { kind: SpanKind.CLIENT, attributes }, parent);
}

const scriptName = (operation: string) => ({ 'db.stored_procedure.name': operation });
