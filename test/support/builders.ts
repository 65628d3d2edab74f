import { type FoundAnswer, foundAnswer } from '../../src/lookup/answer.ts';
import type { Found } from '../../src/lookup/found.ts';
import type { FreshnessPolicy } from '../../src/lookup/freshness.ts';
import { type Project, parseProject } from '../../src/lookup/project.ts';

/** When a manual clock starts, unless told otherwise. */
export const NOW_MS = Date.UTC(2030, 0, 1);
export const DAY_MS = 86_400_000;

/** The contract's defaults. */
export const POLICY: FreshnessPolicy = {
  expiryMarginSeconds: 30,
  terminalTtlSeconds: 60,
  pendingTtlMs: 1000,
  notFoundTtlSeconds: 5,
};

export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** A download whose URL says nothing of its own end. */
export function download(expiresAt: unknown, url: unknown = 'https://videos.magichour.ai/p1/output.png') {
  return { url, expires_at: expiresAt };
}

/** Every field that Magic Hour documents, for project `p1`; finished, with one download of a day. */
export function projectFields(overrides: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    id: 'p1',
    name: 'A name',
    status: 'complete',
    image_count: 1,
    type: 'AI_IMAGE',
    created_at: isoTime(NOW_MS),
    enabled: true,
    total_frame_cost: 5,
    credits_charged: 5,
    downloads: [download(isoTime(NOW_MS + DAY_MS))],
    error: null,
    ...overrides,
  };
}

/** The same as an upstream sends it; an `undefined` leaves a field out. */
export function projectBody(overrides: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(JSON.stringify(projectFields(overrides)));
}

export function project(overrides: Readonly<Record<string, unknown>> = {}): Project {
  const parsed = parseProject('image', projectBody(overrides));
  if (parsed === undefined) throw new Error('these fields make no project');
  return parsed;
}

/** @param times default: just fetched, fresh for a minute */
export function answer(
  overrides: Readonly<Record<string, unknown>> = {},
  times: { fetchedAtMs?: number; freshUntilMs?: number; refreshed?: boolean } = {},
): FoundAnswer {
  return foundAnswer(projectBody(overrides), project(overrides), {
    fetchedAtMs: NOW_MS,
    freshUntilMs: NOW_MS + 60_000,
    refreshed: false,
    clockLagMs: 0,
    ...times,
  });
}

/** The upstream's own bytes. */
export function bytesOf({ body }: FoundAnswer): Buffer {
  return Buffer.from(body, 'latin1');
}

/** The body that a lookup brought, read as an upstream's JSON. */
export function bodyOf({ answer: found }: Found): unknown {
  return found.found ? JSON.parse(bytesOf(found).toString()) : undefined;
}

/** Lets everything that waits for nothing but promises run to its end. */
export function settle(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}

/** Headers by name, out of a list of names and values in turn. */
export function headersOf(list: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < list.length; at += 2) headers[list[at] ?? ''] = list[at + 1] ?? '';
  return headers;
}
