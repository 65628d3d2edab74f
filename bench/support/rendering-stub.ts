import { createServer } from 'node:http';
import { closeNow, listen, localUrl } from '../../test/support/http-server.ts';
import { completeBody, type UpstreamStub } from './upstream-stub.ts';

const PATH = '/v1/image-projects/';
const FINISHED_ID = 'p000000';
const RENDERING_ID = 'r000000';

export interface RenderingStub extends Omit<UpstreamStub, 'release'> {
  /** Requests for unfinished projects answered so far. */
  renderingAnswered(): number;
}

/** An upstream where projects whose id begins with `r` render for ever, and all others are complete. */
export async function startRenderingStub(latencyMs: number): Promise<RenderingStub> {
  const complete = completeBody(FINISHED_ID);
  const finishedPieces = complete.split(FINISHED_ID);
  const renderingPieces = renderingBody(complete).split(RENDERING_ID);
  const answered = { finished: 0, rendering: 0 };
  const server = createServer((request, response) => {
    const id = (request.url ?? '').slice(PATH.length);
    const rendering = id.startsWith('r');
    answered[rendering ? 'rendering' : 'finished'] += 1;
    response.writeHead(200, { 'Content-Type': 'application/json' });
    const body = (rendering ? renderingPieces : finishedPieces).join(id);
    if (rendering) setTimeout(() => response.end(body), latencyMs);
    else response.end(body);
  });
  // Longer than any pause between two requests, so that none is sent over a connection that is being closed.
  server.keepAliveTimeout = 600_000;
  const port = await listen(server, 0, '127.0.0.1');
  return {
    baseUrl: localUrl('127.0.0.1', port),
    apiKey: 'unchecked',
    bodyBytes: Buffer.byteLength(complete),
    answered: () => answered.finished + answered.rendering,
    renderingAnswered: () => answered.rendering,
    [Symbol.asyncDispose]: () => closeNow(server),
  };
}

function renderingBody(complete: string): string {
  const unfinished = { id: RENDERING_ID, status: 'rendering', credits_charged: 0, downloads: [] };
  return JSON.stringify({ ...JSON.parse(complete), ...unfinished });
}
