import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const COMMAND_TIMEOUT_MS = 240_000;
const POLL_MS = 250;

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** `bash TOOL ARGUMENT…`. @throws Error with what it wrote, where it ends otherwise than with 0 or takes four minutes */
export type Containers = (...args: string[]) => Promise<Output>;

/**
 * @param variables are added to the environment of what is run
 * @param calledOff ends what is run
 */
export function containersOf(
  tool: string,
  variables: Readonly<Record<string, string>> = {},
  calledOff?: AbortSignal,
): Containers {
  return async (...args) => {
    const child = spawn('bash', [tool, ...args], {
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: bash hears of a signal only when what it started is over, which may be never.
      detached: true,
    });
    const end = () => child.pid !== undefined && endGroup(child.pid);
    process.once('exit', end);
    calledOff?.addEventListener('abort', end);
    const timer = setTimeout(end, COMMAND_TIMEOUT_MS);
    try {
      const [stdout, stderr, [code, signal]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ]);
      if (code !== 0) throw new Error(`${args.join(' ')}: ${code ?? signal}\n${stdout}${stderr}`);
      return { stdout, stderr };
    } finally {
      clearTimeout(timer);
      process.off('exit', end);
      calledOff?.removeEventListener('abort', end);
    }
  };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It is over.
  }
}

/** Asks again and again until it gets something; what goes wrong meanwhile is told only when the time is over. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { timeoutMs = 60_000, pollMs = POLL_MS } = {},
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const { answer, problem } = await ask().then(
      (value) => ({ answer: value, problem: undefined }),
      (error: unknown) => ({ answer: undefined, problem: error }),
    );
    if (answer !== undefined) return answer;
    if (Date.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: problem });
    await sleep(pollMs);
  }
}

/** @param status `/proc/1/status` of a container, see proc_pid_status(5) */
export function assertConfined(status: string): void {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const users = field('Uid')?.split(/\s+/) ?? [];
  assert.ok(users.length === 4 && !users.includes('0'), `process 1 is not root: ${users}`);
  for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.match(field(name) ?? '', /^0+$/, `${name} has no capability`);
  assert.equal(field('NoNewPrivs'), '1', 'no new privileges');
}

/** @throws AssertionError unless the first lookup of a project is a miss, and the second a hit in memory */
export async function lookUpTwice(project: string, token: string): Promise<void> {
  for (const expected of [/; fwd=uri-miss; fwd-status=200; stored/, /; hit; .*detail=memory/]) {
    const answer = await fetch(project, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200, await answer.text());
    assert.match(answer.headers.get('cache-status') ?? '', expected);
    say(`lookup: 200, Cache-Status: ${answer.headers.get('cache-status')}`);
  }
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
