import fc from 'fast-check';
import { isoTime, projectBody } from './builders.ts';
import { signDownload } from './signed-url.ts';

const lifeSeconds = fc.oneof(
  fc.integer({ min: 0, max: 400 }),
  fc.integer({ min: 400, max: 7200 }),
  fc.integer({ min: 7200, max: 86_400 }),
);

const rarely = (arbitrary: fc.Arbitrary<number>, otherwise: number) =>
  fc.oneof({ weight: 1, arbitrary }, { weight: 3, arbitrary: fc.constant(otherwise) });

/** How a project comes to be, is made, and changes once more, and what its downloads are. */
export const modelProjects = fc.record({
  unknownForMs: rarely(fc.integer({ min: 0, max: 12_000 }), 0),
  queuedForMs: fc.integer({ min: 0, max: 5000 }),
  renderingForMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40_000 })),
  outcome: fc.constantFrom('complete', 'complete', 'complete', 'complete', 'error', 'canceled', 'paused'),
  /** An error is refunded then, all else deleted. */
  changesAfterMs: rarely(fc.integer({ min: 0, max: 300_000 }), Number.POSITIVE_INFINITY),
  signedAnew: fc.boolean(),
  downloads: fc.array(
    fc.record({
      lifeSeconds,
      says: fc.constantFrom('expires_at', 'both', 'both', 'the URL sooner', 'nothing'),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
export type ModelProject = typeof modelProjects extends fc.Arbitrary<infer T> ? T : never;

/** What the upstream says of a project at one time. */
export interface Statement {
  /** `undefined`: 404. */
  readonly body: Buffer | undefined;
  readonly status: string;
  readonly enabled: boolean;
  /** When the first of its URLs is worth nothing any more, by the upstream's clock. */
  readonly endMs: number | undefined;
  /** Whether every URL says its end. */
  readonly endsKnown: boolean;
}

/** @param name marks the body, so that it can be told from all others */
export function stateOf(
  project: ModelProject,
  nowMs: number,
  { id, name, startMs }: { readonly id: string; readonly name: string; readonly startMs: number },
): Statement {
  const queuedAtMs = startMs + project.unknownForMs;
  const renderingAtMs = queuedAtMs + project.queuedForMs;
  const overAtMs = renderingAtMs + project.renderingForMs;
  if (nowMs < queuedAtMs)
    return { body: undefined, status: 'unknown id', enabled: true, endMs: undefined, endsKnown: true };
  const status = nowMs < renderingAtMs ? 'queued' : nowMs < overAtMs ? 'rendering' : project.outcome;
  const changed = nowMs >= overAtMs + project.changesAfterMs;
  const enabled = !changed || status === 'error';
  const listed = status === 'complete' ? project.downloads : [];
  const downloads = listed.map(({ lifeSeconds: seconds, says }) => {
    const signed = signDownload(
      `https://videos.magichour.ai/${id}/output.png`,
      project.signedAnew ? nowMs : overAtMs,
      seconds,
    );
    const endMs = Date.parse(signed.expires_at);
    return {
      endMs: says === 'nothing' ? undefined : endMs,
      json: {
        url: says === 'both' || says === 'the URL sooner' ? signed.url : 'https://videos.magichour.ai/o.png',
        expires_at:
          says === 'nothing' ? null : isoTime(says === 'the URL sooner' ? endMs + 3_600_000 : endMs),
      },
    };
  });
  const ends = downloads.map(({ endMs }) => endMs).filter((endMs) => endMs !== undefined);
  return {
    body: projectBody({
      id,
      name,
      status,
      enabled,
      credits_charged: changed ? 0 : 5,
      downloads: downloads.map(({ json }) => json),
    }),
    status,
    enabled,
    endMs: ends.length === 0 ? undefined : Math.min(...ends),
    endsKnown: ends.length === downloads.length,
  };
}
