import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api';

/**
 * The span under which a piece of work runs, wherever that goes on. One of our own in place of OpenTelemetry's context
 * manager, which is a global of the process.
 */
export interface ActiveSpan {
  /** Runs work under a span. */
  run<T>(span: Span, work: () => T): T;
  /**
   * The context of whoever makes a span now. `undefined` where it would be nobody's: no request is under way, it is not
   * sampled, or it is over and this is work that went on behind it.
   */
  parent(): Context | undefined;
}

export function createActiveSpan(): ActiveSpan {
  const storage = new AsyncLocalStorage<Span>();
  return {
    run: (span, work) => storage.run(span, work),
    parent() {
      const span = storage.getStore();
      return span?.isRecording() ? contextOf(span) : undefined;
    },
  };
}

export function contextOf(span: Span): Context {
  return trace.setSpan(ROOT_CONTEXT, span);
}
