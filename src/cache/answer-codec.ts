import { z } from 'zod';
import { parseJson } from '../json.ts';
import { type Answer, endingEarlier, foundAnswer } from '../lookup/answer.ts';
import { type Kind, parseProject } from '../lookup/project.ts';

/**
 * The form of an answer in Redis: one line of JSON, a line feed, then the upstream's own bytes.
 * Its version stands in the key, so that replicas of two releases never read each other's forms.
 */
export const FORMAT_VERSION = 1;

const LINE_FEED = 0x0a;

const headSchema = z.strictObject({
  found: z.boolean(),
  fetchedAtMs: z.int(),
  freshUntilMs: z.int(),
  refreshed: z.boolean(),
  etag: z.string(),
  /** Left out where it is 0. */
  clockLagMs: z.int().positive().optional(),
});

export function encodeAnswer(answer: Answer): Buffer {
  const { fetchedAtMs, freshUntilMs } = answer;
  const head: z.input<typeof headSchema> = {
    found: answer.found,
    fetchedAtMs,
    freshUntilMs,
    refreshed: answer.found && answer.refreshed,
    etag: answer.found ? answer.etag : '',
    ...(answer.found && answer.clockLagMs > 0 && { clockLagMs: answer.clockLagMs }),
  };
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  return answer.found ? Buffer.concat([line, Buffer.from(answer.body, 'latin1')]) : line;
}

/**
 * Reads what Redis holds. Nothing in it is believed that the bytes don't show themselves: the project is parsed
 * again, its id and the body's hash are compared, so a half-written, foreign or exchanged value is a plain miss.
 */
export function decodeAnswer(kind: Kind, id: string, stored: Buffer): Answer | undefined {
  const end = stored.indexOf(LINE_FEED);
  const head = headSchema.safeParse(parseJson(stored.subarray(0, Math.max(end, 0)).toString()));
  if (!head.success) return undefined;
  const { found, fetchedAtMs, freshUntilMs, refreshed, etag, clockLagMs = 0 } = head.data;
  const body = stored.subarray(end + 1);
  if (!found) return body.length === 0 ? { found, fetchedAtMs, freshUntilMs } : undefined;
  const project = parseProject(kind, body);
  if (project?.id !== id) return undefined;
  const kept = { fetchedAtMs, freshUntilMs, refreshed, clockLagMs };
  const answer = foundAnswer(body, endingEarlier(project, clockLagMs), kept);
  return answer.etag === etag ? answer : undefined;
}
