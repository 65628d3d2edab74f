import { createServer } from 'node:http';
import { closeNow, listen, localUrl } from '../../test/support/http-server.ts';
import { signDownload } from '../../test/support/signed-url.ts';

export interface UpstreamStub extends AsyncDisposable {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly bodyBytes: number;
  /** Requests answered so far. */
  answered(): number;
  /** Answers those. */
  release(): void;
}

const PLACEHOLDER = 'p000000';
const PATH = '/v1/image-projects/';
const HANGING = 'hanging-';
const KEEP_ALIVE_MS = 600_000;

/** A project whose lookup is not answered until `release`. */
export function hangingId(name: string): string {
  return `${HANGING}${name}`;
}

/**
 * An upstream where every project is complete; made for speed, which the emulator is not.
 *
 * @param delayMs how long each answer takes; none where it is missing
 */
export async function startUpstreamStub({ delayMs = 0 } = {}): Promise<UpstreamStub> {
  const template = completeBody(PLACEHOLDER);
  const pieces = template.split(PLACEHOLDER);
  let answered = 0;
  const hanging = new Set<() => void>();
  const server = createServer((request, response) => {
    const id = (request.url ?? '').slice(PATH.length);
    const answer = () => {
      answered += 1;
      hanging.delete(answer);
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(pieces.join(id));
    };
    if (id.startsWith(HANGING)) hanging.add(answer);
    else if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
  });
  // A contender's connections lie idle while the others have their turns.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await listen(server, 0, '127.0.0.1');
  return {
    baseUrl: localUrl('127.0.0.1', port),
    apiKey: 'unchecked',
    bodyBytes: Buffer.byteLength(template),
    answered: () => answered,
    release() {
      for (const answer of hanging) answer();
    },
    [Symbol.asyncDispose]: () => closeNow(server),
  };
}

/** A finished project by the vendor's description, with two signed downloads. */
export function completeBody(id: string): string {
  const nowMs = Date.now();
  const download = (n: number) =>
    signDownload(`https://videos.magichour.ai/${id}/output-${n}.png`, nowMs, 86_400);
  return JSON.stringify({
    id,
    name: 'Example Name',
    status: 'complete',
    image_count: 2,
    type: 'AI_IMAGE',
    created_at: new Date(nowMs).toISOString(),
    enabled: true,
    total_frame_cost: 5,
    credits_charged: 5,
    downloads: [download(0), download(1)],
    error: null,
  });
}
