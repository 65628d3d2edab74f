import { hash } from 'node:crypto';
import type { DownloadEnds, Project } from './project.ts';

interface Kept {
  /** Unix milliseconds at which the upstream answered. */
  readonly fetchedAtMs: number;
  /** Unix milliseconds until which it may be served; never lengthened by a read. */
  readonly freshUntilMs: number;
}

/** A project as the upstream sent it, with all that is needed to serve it again. */
export interface FoundAnswer extends Kept {
  readonly found: true;
  /**
   * The upstream's own bytes, one character each (`latin1`). A string, since that goes out in one write together with
   * the headers.
   */
  readonly body: string;
  /** Its `strongEtag`. */
  readonly etag: string;
  readonly status: Project['status'];
  readonly terminal: boolean;
  /** By this process's clock. */
  readonly downloadEnds: DownloadEnds;
  /** How far the clock of the process that fetched it was behind the upstream's, in milliseconds; 0 where it was not. */
  readonly clockLagMs: number;
  /** Whether it was fetched because an older one did not live long enough for a caller (`min_valid`). */
  readonly refreshed: boolean;
}

export interface NotFoundAnswer extends Kept {
  readonly found: false;
}

export type Answer = FoundAnswer | NotFoundAnswer;

/** A strong validator over bytes (RFC 9110, 8.8.3). */
export function strongEtag(body: Uint8Array): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}

/** @param project with the ends of its downloads by this process's clock; see `endingEarlier` */
export function foundAnswer(
  body: Uint8Array,
  project: Project,
  kept: Kept & Pick<FoundAnswer, 'refreshed' | 'clockLagMs'>,
): FoundAnswer {
  return {
    found: true,
    body: Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'),
    etag: strongEtag(body),
    status: project.status,
    terminal: project.terminal,
    downloadEnds: project.downloadEnds,
    clockLagMs: kept.clockLagMs,
    refreshed: kept.refreshed,
    fetchedAtMs: kept.fetchedAtMs,
    freshUntilMs: kept.freshUntilMs,
  };
}

/** What names the state that it tells of; `undefined` where there is no project. */
export function etagOf(answer: Answer): string | undefined {
  return answer.found ? answer.etag : undefined;
}

/** Whether two are of one fetch. A tier hands out copies, so that it can't be told by their being one object. */
export function isSameAnswer(one: Answer, other: Answer): boolean {
  return (
    one.fetchedAtMs === other.fetchedAtMs &&
    one.freshUntilMs === other.freshUntilMs &&
    etagOf(one) === etagOf(other)
  );
}

/** One from the future is not: this process's clock was set back, so how old it is can't be told. */
export function isFresh(answer: Kept, nowMs: number): boolean {
  return answer.freshUntilMs > nowMs && answer.fetchedAtMs <= nowMs;
}

/** A project whose downloads end sooner by that much: on a clock that is behind, they seem to have longer to live. */
export function endingEarlier(project: Project, byMs: number): Project {
  return { ...project, downloadEnds: endsEarlier(project.downloadEnds, byMs) };
}

function endsEarlier(ends: DownloadEnds, byMs: number): DownloadEnds {
  return ends.earliestMs === undefined ? ends : { ...ends, earliestMs: ends.earliestMs - byMs };
}

/**
 * An answer of another process by this one's clock. Its times are moved back where that clock is ahead of this one, so
 * that it lives no longer here than it would there; a clock that is behind only makes it live shorter, and is let be.
 */
export function byThisClock(answer: Answer, nowMs: number, lifeLeftMs: number): Answer {
  const aheadMs = answer.freshUntilMs - (nowMs + lifeLeftMs);
  if (aheadMs <= 0) return answer;
  const times = {
    fetchedAtMs: answer.fetchedAtMs - aheadMs,
    freshUntilMs: answer.freshUntilMs - aheadMs,
  };
  return answer.found
    ? { ...answer, ...times, downloadEnds: endsEarlier(answer.downloadEnds, aheadMs) }
    : { ...answer, ...times };
}
