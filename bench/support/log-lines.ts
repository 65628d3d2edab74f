import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONNECTIONS } from './wrk.ts';

const NEWLINE = 10;
const POLL_MS = 200;
/** Those who write in batches get some time for the last one. */
const PATIENCE_MS = 5000;

/**
 * Makes sure that a contender has written a line for each request.
 *
 * @param sent requests that wrk has seen answered, in how many runs
 * @param others requests that nobody but checks made, at most
 */
export async function checkLogLines(
  name: string,
  logFile: string,
  { sent, runs, others }: { readonly sent: number; readonly runs: number; readonly others: number },
): Promise<void> {
  const deadlineMs = Date.now() + PATIENCE_MS;
  let lines = await countLines(logFile);
  while (lines < sent && Date.now() < deadlineMs) {
    await sleep(POLL_MS);
    lines = await countLines(logFile);
  }
  assert.ok(lines >= sent, `${name} must write a line a request: ${lines} lines, ${sent} requests`);
  // At the end of a run wrk hangs up on what is still under way.
  const most = sent + runs * CONNECTIONS + others;
  assert.ok(lines <= most, `${name} must write one line a request: ${lines} lines, at most ${most} requests`);
}

async function countLines(file: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(file)) {
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  }
  return lines;
}
