import { randomInt } from 'node:crypto';
import { type FoundAnswer, foundAnswer } from '../../src/lookup/answer.ts';
import { parseProject } from '../../src/lookup/project.ts';
import { signDownload } from './signed-url.ts';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 25;
const HOUR_MS = 3_600_000;

/** As long as Magic Hour's ids are (cuid: `c` and 24 characters), and a string of its own. */
export function randomProjectId(): string {
  const characters = Array.from({ length: ID_LENGTH - 1 }, () => ALPHABET[randomInt(ALPHABET.length)]);
  return Buffer.from(`c${characters.join('')}`).toString('latin1');
}

/**
 * Answers whose bodies have exactly so many bytes, from 300 on, just fetched and fresh for an hour.
 *
 * @returns makes the answer for an id as long as Magic Hour's
 */
export function sizedAnswers(bodyBytes: number, nowMs: number): (id: string) => FoundAnswer {
  const makeBody = projectBodies(bodyBytes, nowMs);
  const project = parseProject('image', makeBody(randomProjectId()));
  if (project === undefined) throw new Error('this is no project');
  const kept = { fetchedAtMs: nowMs, freshUntilMs: nowMs + HOUR_MS, refreshed: false, clockLagMs: 0 };
  return (id) => foundAnswer(makeBody(id), project, kept);
}

/** Finished projects: as many signed downloads as fit, and a name that fills what is left. */
function projectBodies(bytes: number, nowMs: number): (id: string) => Buffer {
  const placeholder = randomProjectId();
  const downloads: unknown[] = [];
  for (;;) {
    const url = `https://videos.magichour.ai/${placeholder}/output-${downloads.length}.png`;
    const next = signDownload(url, nowMs, 86_400);
    if (bodyOf(placeholder, nowMs, [...downloads, next], '').length > bytes) break;
    downloads.push(next);
  }
  const missing = bytes - bodyOf(placeholder, nowMs, downloads, '').length;
  const pieces = bodyOf(placeholder, nowMs, downloads, 'n'.repeat(missing)).split(placeholder);
  return (id) => Buffer.from(pieces.join(id));
}

function bodyOf(id: string, nowMs: number, downloads: readonly unknown[], name: string): string {
  return JSON.stringify({
    id,
    name,
    status: 'complete',
    image_count: downloads.length,
    type: 'AI_IMAGE',
    created_at: new Date(nowMs).toISOString(),
    enabled: true,
    total_frame_cost: 5,
    credits_charged: 5,
    downloads,
    error: null,
  });
}
