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
   * The upstream's own bytes, one character each (`latin1`). Kept as a string, which takes a sixth less memory than a
   * buffer of its own and goes out in one write together with the headers.
   */
  readonly body: string;
  /** Its `strongEtag`. */
  readonly etag: string;
  readonly status: Project['status'];
  readonly terminal: boolean;
  readonly downloadEnds: DownloadEnds;
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

export function foundAnswer(
  body: Uint8Array,
  project: Project,
  kept: Kept & { readonly refreshed: boolean },
): FoundAnswer {
  return {
    found: true,
    body: Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'),
    etag: strongEtag(body),
    status: project.status,
    terminal: project.terminal,
    downloadEnds: project.downloadEnds,
    refreshed: kept.refreshed,
    fetchedAtMs: kept.fetchedAtMs,
    freshUntilMs: kept.freshUntilMs,
  };
}

export function isFresh(answer: Kept, nowMs: number): boolean {
  return answer.freshUntilMs > nowMs;
}
