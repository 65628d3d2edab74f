import type { Answer, FoundAnswer } from './answer.ts';
import type { Payer } from './payer.ts';
import type { LookupResult, TraceContext } from './ports.ts';
import type { Kind } from './project.ts';

export interface LookupRequest extends TraceContext {
  readonly kind: Kind;
  /** Matches PROJECT_ID_PATTERN. */
  readonly id: string;
  /** Seconds that every download must live at least; `undefined` takes whatever is fresh. */
  readonly minValidSeconds: number | undefined;
  /** In whose name the upstream is asked, should it come to that; default nobody's. */
  readonly payer?: Payer | undefined;
}

/** An answer and how it was come by. */
export interface Found {
  readonly answer: Answer;
  readonly source: 'memory' | 'redis' | 'upstream';
  /** Whether another caller's flight brought it. */
  readonly collapsed: boolean;
  /** Why the cache alone did not do, in RFC 9211's words; says nothing on a hit. */
  readonly forwarded: 'uri-miss' | 'stale' | 'request';
}

export interface HeldProject extends Found {
  readonly answer: FoundAnswer;
}

export function isProject(found: Found): found is HeldProject {
  return found.answer.found;
}

/** Whether a project will change no more, or is not there. */
export function isOver({ answer }: Found): boolean {
  return !answer.found || answer.terminal;
}

export function resultOf(found: Found): LookupResult {
  if (found.collapsed) return 'collapsed';
  if (found.source === 'upstream') return 'miss';
  return found.source === 'memory' ? 'memory_hit' : 'redis_hit';
}
