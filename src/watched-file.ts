import { readFileSync, unwatchFile, watchFile } from 'node:fs';

/** A small file that may be exchanged while the service runs, as mounted secrets are. */
export interface WatchedFile {
  /** The last content that could be read. */
  content(): string;
  /** Reads it again now, for whoever has a reason to think that it changed. */
  reload(): void;
  /** Whether the last look found a file that can be read and used: a process that starts now would start. */
  usable(): boolean;
  close(): void;
}

const POLL_INTERVAL_MS = 1000;

/**
 * Reads a file and keeps reading it when it changes. By polling, since a mounted secret changes by an exchanged
 * symbolic link, which a watch on the file itself doesn't see.
 *
 * @param accept tells whether a new content is usable; one that is not (half-written, empty) leaves the old in place
 * @param onProblem is told when a changed file can't be used; the content itself is not in it
 * @throws where the file can't be read or used at first
 */
export function watchedFile(
  path: string,
  accept: (content: string) => boolean,
  onProblem: (problem: string) => void,
): WatchedFile {
  let current = readFileSync(path, 'utf8');
  if (!accept(current)) throw new Error('the content is not usable');
  let usable = true;

  function reload(): void {
    try {
      const next = readFileSync(path, 'utf8');
      usable = accept(next);
      if (next === current) return;
      if (usable) current = next;
      else onProblem('the content is not usable; the last good one stays in force');
    } catch {
      usable = false;
      onProblem('the file can not be read; the last good content stays in force');
    }
  }

  watchFile(path, { interval: POLL_INTERVAL_MS, persistent: false }, reload);
  return {
    content: () => current,
    reload,
    usable: () => usable,
    close: () => unwatchFile(path, reload),
  };
}
