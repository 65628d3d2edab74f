import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../../src/json.ts';

export interface LoadRequest {
  readonly path: string;
  readonly method?: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  /** Leaves by a TCP reset if there is no answer by then. */
  readonly leaveAfterMs?: number;
}

/** How one request ended, as its client sees it. */
export type Verdict =
  /** A whole answer below 500. */
  | 'answered'
  /** 503 `draining`, said politely. */
  | 'draining'
  /** Another 5xx. */
  | 'failed'
  /**
   * Nobody listens there any more. No reset: there was no connection yet, nothing was sent, so nothing is lost, and a
   * client behind a load balancer never sees it.
   */
  | 'refused'
  /** The client itself went. */
  | 'left'
  /** The connection was lost with no answer or half of one, or no answer came in time. */
  | 'lost';

export interface Exchange {
  readonly request: LoadRequest;
  readonly verdict: Verdict;
  /** In words: `200`, `503 draining`, `reset on a kept connection`, `cut off`. */
  readonly ending: string;
  readonly etag: string | undefined;
  /** From `performance.now()`. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
}

export interface LoadReport {
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** How many ended in which words. */
  readonly endings: Readonly<Record<string, number>>;
  /** What failed or was lost; the first few. */
  readonly failures: readonly string[];
}

export interface Load {
  /** Resolves once that many more have ended. */
  whenMoreEnded(count: number): Promise<void>;
  /** Resolves when every client was refused. */
  readonly allRefused: Promise<void>;
  /** Lets what is under way end. */
  stop(): Promise<LoadReport>;
}

const ANSWER_TIMEOUT_MS = 30_000;
const MAX_FAILURES_KEPT = 10;

const failureSchema = z.object({ code: z.string().optional() });
const bodySchema = z.object({ code: z.string() });

/** Clients with a kept connection each that ask one thing after the other, until nobody is there. */
export function startLoad(options: {
  readonly baseUrl: string;
  readonly clients: number;
  readonly next: (n: number) => LoadRequest;
  /** Between an answer and the next request. */
  readonly pauseMs?: (n: number) => number;
  readonly onExchange?: (exchange: Exchange) => void;
}): Load {
  const { baseUrl, next, pauseMs, onExchange } = options;
  const verdicts: Record<Verdict, number> = {
    answered: 0,
    draining: 0,
    failed: 0,
    refused: 0,
    left: 0,
    lost: 0,
  };
  const endings: Record<string, number> = {};
  const failures: string[] = [];
  const waiting = new Set<{ at: number; resolve: () => void }>();
  const stopped = new AbortController();
  let asked = 0;
  let ended = 0;

  function record(exchange: Exchange): void {
    const { verdict, ending, request } = exchange;
    verdicts[verdict] += 1;
    endings[ending] = (endings[ending] ?? 0) + 1;
    if ((verdict === 'failed' || verdict === 'lost') && failures.length < MAX_FAILURES_KEPT) {
      failures.push(`${ending}: ${request.path}`);
    }
    ended += 1;
    for (const waiter of waiting) if (ended >= waiter.at) waiter.resolve();
    onExchange?.(exchange);
  }

  async function runClient(): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopped.signal.aborted) {
      asked += 1;
      const n = asked;
      const beganAtMs = performance.now();
      const request = next(n);
      const end = await send(agent, baseUrl, request);
      record({ request, beganAtMs, endedAtMs: performance.now(), ...end });
      if (end.verdict === 'refused') break;
      const pause = pauseMs?.(n) ?? 0;
      if (pause > 0) await sleep(pause, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
    agent.destroy();
  }

  const clients = Promise.all(Array.from({ length: options.clients }, runClient)).then(() => undefined);
  return {
    whenMoreEnded: (count) => new Promise((resolve) => waiting.add({ at: ended + count, resolve })),
    allRefused: clients,
    async stop() {
      stopped.abort();
      await clients;
      return { verdicts, endings, failures };
    },
  };
}

type End = Pick<Exchange, 'verdict' | 'ending' | 'etag'>;

function send(agent: Agent, baseUrl: string, request: LoadRequest): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  const end = (verdict: Verdict, ending: string, etag?: string) => resolve({ verdict, ending, etag });
  const { method = 'GET', headers, leaveAfterMs } = request;
  const sent = httpRequest(new URL(request.path, baseUrl), { agent, method, headers });
  const late = setTimeout(() => leave('lost', 'no answer in time'), ANSWER_TIMEOUT_MS);
  const leaving =
    leaveAfterMs === undefined ? undefined : setTimeout(() => leave('left', 'left'), leaveAfterMs);

  function leave(verdict: Verdict, ending: string): void {
    end(verdict, ending);
    if (sent.socket === null) sent.destroy();
    else sent.socket.resetAndDestroy();
  }
  sent.on('response', async (response) => {
    try {
      const { verdict, ending } = judge(response, await text(response));
      end(verdict, ending, response.headers.etag);
    } catch {
      end('lost', 'cut off');
    }
  });
  sent.on('error', (error) => {
    const code = failureSchema.safeParse(error).data?.code ?? error.message;
    if (code === 'ECONNREFUSED') end('refused', 'refused');
    else end('lost', `${code} on a ${sent.reusedSocket ? 'kept' : 'new'} connection`);
  });
  sent.end();
  return promise.finally(() => {
    clearTimeout(late);
    clearTimeout(leaving);
  });
}

function judge({ statusCode = 0 }: IncomingMessage, body: string): Pick<Exchange, 'verdict' | 'ending'> {
  if (statusCode < 500) return { verdict: 'answered', ending: `${statusCode}` };
  const code = bodySchema.safeParse(parseJson(body)).data?.code;
  if (code === undefined) return { verdict: 'failed', ending: `${statusCode}` };
  return { verdict: code === 'draining' ? 'draining' : 'failed', ending: `${statusCode} ${code}` };
}
