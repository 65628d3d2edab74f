import type { Config } from '../config.ts';
import { createLeakGuard, type LeakGuard, unescaped } from '../leak-guard.ts';
import type { Logger } from '../log.ts';
import type { Clock, Upstream } from '../lookup/ports.ts';
import { openSecret } from '../secret.ts';
import { createKeyRing } from '../upstream/key-ring.ts';
import { createMagicHour, type UpstreamEvents } from '../upstream/magic-hour.ts';
import { createResilience, type Resilience } from '../upstream/resilience.ts';
import { createTransport } from '../upstream/transport.ts';

export interface OpenUpstream {
  readonly magicHour: Upstream;
  readonly resilience: Resilience;
  /** Knows the keys as they are now. */
  readonly leakGuard: LeakGuard;
  close(): void;
}

/** Magic Hour with the company's keys, and what watches over it. */
export function openUpstream(
  settings: Config['upstream'],
  deps: {
    readonly clock: Clock;
    readonly events: UpstreamEvents & { retried(): void; leakStopped(): void };
    readonly logger: Logger;
    readonly userAgent: string;
  },
): OpenUpstream {
  const { clock, logger, userAgent } = deps;
  const secrets = [settings.apiKey, ...(settings.nextApiKey === undefined ? [] : [settings.nextApiKey])].map(
    (source) => openSecret(source, (problem) => logger.warn({ problem }, "the file of the upstream's key")),
  );
  const transport = createTransport({
    baseUrl: settings.baseUrl,
    maxResponseBytes: settings.maxResponseBytes,
    userAgent,
  });
  const resilience = createResilience(settings, {
    retried: deps.events.retried,
    circuitOpened: () => logger.error('the circuit to the upstream opened: it is not asked for a while'),
    circuitClosed: () => logger.info('the circuit to the upstream closed: it answers again'),
  });
  const magicHour = createMagicHour({
    transport,
    keyRing: createKeyRing(secrets),
    resilience,
    deadlineMs: settings.deadlineMs,
    clock,
    events: {
      attempted: deps.events.attempted,
      keyRejected(status) {
        deps.events.keyRejected(status);
        logger.error({ status }, "the upstream refused the company's key");
      },
    },
  });
  const leakGuard = createLeakGuard(() => secrets.map((secret) => secret.key()), deps.events.leakStopped);
  return {
    magicHour: guarded(magicHour, leakGuard),
    resilience,
    leakGuard,
    close() {
      transport.close();
      for (const secret of secrets) secret.close();
    },
  };
}

/** A body with a key in it is refused before anything is kept: what is in Redis goes out from every replica. */
function guarded(upstream: Upstream, leakGuard: LeakGuard): Upstream {
  return {
    async fetchProject(kind, id, trace) {
      const answer = await upstream.fetchProject(kind, id, trace);
      if (answer === undefined) return undefined;
      leakGuard.inspect(answer.body);
      const plain = unescaped(answer.body);
      if (plain !== undefined) leakGuard.inspect(plain);
      return answer;
    },
  };
}
