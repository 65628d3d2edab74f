import type { Config } from '../config.ts';
import { isUsableSecret } from '../config-schema.ts';
import { createLeakGuard, type LeakGuard, unescaped } from '../leak-guard.ts';
import type { Logger } from '../log.ts';
import { createBurst } from '../log-bursts.ts';
import type { Clock, Upstream } from '../lookup/ports.ts';
import type { FollowedFile } from '../secret.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { createKeyRing, type KeyRing } from '../upstream/key-ring.ts';
import { createMagicHour, type UpstreamEvents } from '../upstream/magic-hour.ts';
import { createResilience, type Resilience } from '../upstream/resilience.ts';
import { createTransport } from '../upstream/transport.ts';
import { openFollowedSecret, type UnusableFile } from './followed-secret.ts';

export interface OpenUpstream {
  readonly magicHour: Upstream;
  readonly resilience: Resilience;
  readonly keyInUse: KeyRing['inUse'];
  /** Knows the keys as they are now. */
  readonly leakGuard: LeakGuard;
  /** The files that keys come from. */
  readonly files: readonly FollowedFile[];
  close(): void;
}

/** What Magic Hour says only to a key that it knows. */
const SAYS_THAT_THE_KEY_IS_GOOD: ReadonlySet<string> = new Set(['200', '400', '402', '404']);

/** Magic Hour with the company's keys, and what watches over it. */
export function openUpstream(
  settings: Config['upstream'],
  deps: {
    readonly clock: Clock;
    readonly events: UpstreamEvents & {
      retried(): void;
      leakStopped(): void;
      certificateSeen(peer: 'upstream', expiresAtMs: number): void;
    };
    readonly logger: Logger;
    /** What else must never leave in a response. */
    readonly otherSecrets: () => readonly string[];
    readonly userAgent: string;
    readonly tracing: Pick<Tracing, 'transport' | 'upstream'>;
  },
): OpenUpstream {
  const { clock, logger, userAgent } = deps;
  const sources = [
    { setting: 'MAGIC_HOUR_API_KEY_FILE', source: settings.apiKey },
    { setting: 'MAGIC_HOUR_API_KEY_NEXT_FILE', source: settings.nextApiKey },
  ];
  const unusable = (line: UnusableFile) => logger.event('upstream_key_file_unusable', line);
  const secrets = sources.flatMap(({ setting, source }) =>
    source === undefined ? [] : [openFollowedSecret(setting, source, isUsableSecret, unusable)],
  );
  const transport = deps.tracing.transport(
    createTransport({
      baseUrl: settings.baseUrl,
      maxResponseBytes: settings.maxResponseBytes,
      userAgent,
      onCertificate: (expiresAtMs) => deps.events.certificateSeen('upstream', expiresAtMs),
    }),
  );
  const circuit = createBurst<void>({
    happened: (_how, count) => logger.event('upstream_circuit_opened', { count }),
    over: () => logger.event('upstream_circuit_closed'),
  });
  const resilience = createResilience(settings, {
    retried: deps.events.retried,
    circuitOpened: circuit.happened,
    circuitClosed: circuit.over,
  });
  const rejections = createBurst<number>({
    happened: (status, count) => logger.event('upstream_key_rejected', { status, count }),
    over: () => logger.event('upstream_key_accepted'),
  });
  const keyRing = createKeyRing(secrets);
  const magicHour = createMagicHour({
    transport,
    keyRing,
    resilience,
    deadlineMs: settings.deadlineMs,
    clock,
    events: {
      attempted(kind, status, seconds) {
        deps.events.attempted(kind, status, seconds);
        if (SAYS_THAT_THE_KEY_IS_GOOD.has(status)) rejections.over();
      },
      keyRejected(status) {
        deps.events.keyRejected(status);
        rejections.happened(status);
      },
    },
  });
  const leakGuard = createLeakGuard(
    () => [...secrets.map((secret) => secret.key()), ...deps.otherSecrets()],
    deps.events.leakStopped,
  );
  return {
    magicHour: deps.tracing.upstream(guarded(magicHour, leakGuard)),
    resilience,
    keyInUse: keyRing.inUse,
    leakGuard,
    files: secrets.flatMap(({ files }) => files),
    close() {
      transport.close();
      for (const secret of secrets) secret.close();
    },
  };
}

/** @throws HttpError where a key is in a body from upstream, however it is spelled */
export function inspectBody(leakGuard: LeakGuard, body: Uint8Array): void {
  leakGuard.inspect(body);
  const plain = unescaped(body);
  if (plain !== undefined) leakGuard.inspect(plain);
}

/** A body with a key in it is refused before anything is kept: what is in Redis goes out from every replica. */
function guarded(upstream: Upstream, leakGuard: LeakGuard): Upstream {
  return {
    async fetchProject(kind, id, trace) {
      const answer = await upstream.fetchProject(kind, id, trace);
      if (answer !== undefined) inspectBody(leakGuard, answer.body);
      return answer;
    },
  };
}
