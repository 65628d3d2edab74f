import type { EmulatedProjectDescription } from './emulated-project.ts';
import { errorResponse, type ScriptedResponse } from './scripted-response.ts';

/** A project that an id alone asks for. */
export interface ProjectFromId {
  readonly description: EmulatedProjectDescription;
  /** Answered once, before the description counts. */
  readonly first?: ScriptedResponse;
}

/** The first pattern that matches counts; the table stands at the head of `magic-hour-emulator.ts`. */
const PATTERNS: ReadonlyArray<readonly [RegExp, (number: number) => ProjectFromId]> = [
  [/^complete/, () => ({ description: { status: 'complete' } })],
  [/^(?:queued|demo)/, () => ({ description: {} })],
  [/^failed/, () => ({ description: { status: 'error' } })],
  [/^canceled/, () => ({ description: { status: 'canceled' } })],
  [
    /^status-([45]\d\d)(?:-|$)/,
    (status) => ({ description: { response: errorResponse(status, `Status ${status}`) } }),
  ],
  [/^slow-(\d{1,5})(?:-|$)/, (delayMs) => ({ description: { status: 'complete', delayMs } })],
  [/^hang/, () => ({ description: { response: { hang: true } } })],
  [
    /^flaky/,
    () => ({ description: { status: 'complete' }, first: errorResponse(503, 'Service Unavailable') }),
  ],
];

/** @returns `undefined` for an id that means nothing, such as `missing…` */
export function projectFromId(id: string): ProjectFromId | undefined {
  for (const [pattern, describe] of PATTERNS) {
    const match = pattern.exec(id);
    if (match !== null) return describe(Number(match[1]));
  }
  return undefined;
}
