import { once } from 'node:events';
import { Agent, IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { parseJson } from '../../src/json.ts';

/** How one request ended, as its client sees it. */
export type Ending =
  /** A whole answer below 500. */
  | 'answered'
  /** 503 `draining`, said politely. */
  | 'draining'
  /** Another 5xx. */
  | 'failed'
  /** Nobody listens there any more: for a client without a load balancer, the end of it. */
  | 'refused'
  /** The connection was lost with no answer, or with half of one. */
  | 'lost';

export interface LoadReport {
  readonly endings: Readonly<Record<Ending, number>>;
  /** What was not answered, in words; the first few. */
  readonly failures: readonly string[];
}

export interface Load {
  /** Requests that have ended so far. */
  readonly ended: number;
  /** Resolves once that many more have ended. */
  whenMoreEnded(count: number): Promise<void>;
  /** Lets what is under way end. */
  stop(): Promise<LoadReport>;
  /** Resolves when every client met nobody any more. */
  readonly allRefused: Promise<void>;
}

const answerSchema = z.tuple([z.instanceof(IncomingMessage)]);
const codeSchema = z.object({ code: z.string().optional() });
const bodySchema = z.object({ code: z.string() });
const MAX_FAILURES_KEPT = 10;

/** Clients that ask one after the other over kept connections, each as soon as it was answered, until nobody is there. */
export function startLoad(options: {
  readonly baseUrl: string;
  readonly clients: number;
  readonly next: (n: number) => { readonly path: string; readonly headers: Readonly<Record<string, string>> };
}): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: options.clients });
  const endings: Record<Ending, number> = { answered: 0, draining: 0, failed: 0, refused: 0, lost: 0 };
  const failures: string[] = [];
  const waiting = new Set<{ at: number; resolve: () => void }>();
  let stopped = false;
  let asked = 0;
  let ended = 0;

  async function ask(): Promise<Ending> {
    asked += 1;
    const { path, headers } = options.next(asked);
    const sent = request(new URL(path, options.baseUrl), { agent, headers });
    sent.end();
    try {
      const [response] = answerSchema.parse(await once(sent, 'response'));
      const body = await text(response);
      const status = response.statusCode ?? 0;
      if (status < 500) return 'answered';
      const code = bodySchema.safeParse(parseJson(body)).data?.code;
      if (code === 'draining') return 'draining';
      note(`${status} ${code} for ${path}`);
      return 'failed';
    } catch (error) {
      const code = codeSchema.safeParse(error).data?.code;
      if (code === 'ECONNREFUSED') return 'refused';
      note(`${code ?? String(error)} for ${path}${sent.reusedSocket ? ' on a kept connection' : ''}`);
      return 'lost';
    }
  }

  function note(failure: string): void {
    if (failures.length < MAX_FAILURES_KEPT) failures.push(failure);
  }

  async function client(): Promise<void> {
    while (!stopped) {
      const ending = await ask();
      endings[ending] += 1;
      ended += 1;
      for (const waiter of waiting) if (ended >= waiter.at) waiter.resolve();
      if (ending === 'refused') return;
    }
  }

  const clients = Promise.all(Array.from({ length: options.clients }, client)).then(() => undefined);
  return {
    get ended() {
      return ended;
    },
    whenMoreEnded: (count) => new Promise((resolve) => waiting.add({ at: ended + count, resolve })),
    async stop() {
      stopped = true;
      await clients;
      agent.destroy();
      return { endings, failures };
    },
    allRefused: clients,
  };
}
