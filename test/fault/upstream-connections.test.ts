import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTransport, type Transport } from '../../src/upstream/transport.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../support/certificates.ts';
import { closeNow, listen } from '../support/http-server.ts';
import { type RawUpstream, rawResponse, startRawUpstream } from '../support/raw-upstream.ts';
import { eventually, startStack } from '../support/stack.ts';
import { body } from '../support/upstream-answers.ts';

const MAX_BYTES = 65_536;
const LIMIT_MS = 20_000;

async function startUpstream(): Promise<RawUpstream> {
  const upstream = await startRawUpstream();
  onTestFinished(upstream.close);
  return upstream;
}

function openTransport(baseUrl: string): Transport {
  const transport = createTransport({ baseUrl, maxResponseBytes: MAX_BYTES, userAgent: 'test' });
  onTestFinished(transport.close);
  return transport;
}

describe('kept connections', () => {
  test('that the upstream closes all at once, just as they are used again, cost no lookup and open no circuit', async () => {
    const many = 20;
    const upstream = await startUpstream();
    const stack = await startStack({ env: { MAGIC_HOUR_BASE_URL: upstream.baseUrl } });
    const lookups = (name: string) =>
      Promise.all(Array.from({ length: many }, (_, n) => stack.lookup(`${name}-${n}`)));
    const answerLast = (socket: Socket) => {
      const [, id = ''] = /-projects\/(\S+)/.exec(upstream.requestLines.at(-1) ?? '') ?? [];
      return () => socket.write(rawResponse(body({ id })));
    };

    // Answered together, so that each has a connection of its own.
    const waiting: Array<() => void> = [];
    const old = new WeakSet<Socket>();
    upstream.respondWith((socket) => {
      old.add(socket);
      waiting.push(answerLast(socket));
      if (waiting.length === many) for (const answer of waiting) answer();
    });
    for (const { status } of await lookups('first')) expect(status).toBe(200);
    expect(upstream.connections()).toBe(many);

    // Closed together, so that none is asked for again over a connection that another one left meanwhile.
    const used: Socket[] = [];
    upstream.respondWith((socket) => {
      if (!old.has(socket)) return answerLast(socket)();
      used.push(socket);
      if (used.length === many) for (const each of used) each.resetAndDestroy();
      return undefined;
    });
    for (const { status } of await lookups('second')) expect(status).toBe(200);
    expect(await stack.metric('upstream_circuit_open')).toBe(0);
    expect(await stack.metric('upstream_retries_total')).toBe(many);
    expect(stack.logs().join()).not.toContain('circuit');
  });

  test('are closed before the upstream does so, where it says when', async () => {
    const upstream = await startUpstream();
    upstream.respondWith((socket) => socket.write(rawResponse('{}', { headers: ['Keep-Alive: timeout=2'] })));
    await openTransport(upstream.baseUrl).get('/', {}, LIMIT_MS);
    expect(upstream.connections()).toBe(1);
    await eventually(() => upstream.connections() === 0);
  });

  test('are used again, the last one first', async () => {
    const upstream = await startUpstream();
    const waiting: Socket[] = [];
    upstream.respondWith((socket) => {
      waiting.push(socket);
      if (waiting.length === 3) for (const each of waiting) each.write(rawResponse('{}'));
    });
    const transport = openTransport(upstream.baseUrl);
    await Promise.all(['/1', '/2', '/3'].map((path) => transport.get(path, {}, LIMIT_MS)));
    const used = new Set<Socket>();
    upstream.respondWith((socket) => {
      used.add(socket);
      socket.write(rawResponse('{}'));
    });
    for (let n = 0; n < 5; n += 1) await transport.get('/', {}, LIMIT_MS);
    expect(upstream.connections()).toBe(3);
    expect([...used]).toEqual([waiting.at(-1)]);
  });

  test('that were hung up on are not used again, not even at once', async () => {
    const upstream = await startUpstream();
    upstream.respondWith((socket) => socket.write(rawResponse('{}')));
    const transport = openTransport(upstream.baseUrl);
    const { hangUp } = await transport.get('/', {}, LIMIT_MS);
    hangUp();
    expect((await transport.get('/', {}, LIMIT_MS)).status).toBe(200);
    await eventually(() => upstream.connections() === 1);
  });

  test('are given up with a request whose time is over', async () => {
    const upstream = await startUpstream();
    upstream.respondWith(() => undefined);
    const answer = openTransport(upstream.baseUrl).get('/', {}, 50);
    await expect(answer).rejects.toMatchObject({ problem: 'timeout' });
    await eventually(() => upstream.connections() === 0);
  });
});

describe('a request', () => {
  test('goes below the path of the base address, with the key and the headers of this service', async () => {
    const upstream = await startUpstream();
    upstream.respondWith((socket) => socket.write(rawResponse('{}')));
    await openTransport(`${upstream.baseUrl}/below/`).get('/v1/x', { authorization: 'Bearer k' }, LIMIT_MS);
    expect(upstream.requestLines).toEqual(['GET /below/v1/x HTTP/1.1']);
  });

  test('asks no environment for a proxy', async () => {
    const [upstream, proxy] = [await startUpstream(), await startUpstream()];
    upstream.respondWith((socket) => socket.write(rawResponse('{}')));
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) vi.stubEnv(name, proxy.baseUrl);
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect((await openTransport(upstream.baseUrl).get('/', {}, LIMIT_MS)).status).toBe(200);
    expect(proxy.requestLines).toEqual([]);
  });

  test('is over where its body is small as it comes, and too large once decompressed', async () => {
    const upstream = await startUpstream();
    const bomb = gzipSync(Buffer.alloc(MAX_BYTES + 1, ' '));
    upstream.respondWith((socket) =>
      socket.write(rawResponse(bomb, { headers: ['Content-Encoding: gzip'] })),
    );
    const answer = openTransport(upstream.baseUrl).get('/', {}, LIMIT_MS);
    await expect(answer).rejects.toMatchObject({ problem: 'too_large' });
  });
});

describe('over TLS', () => {
  const systemAuthorities = getCACertificates();
  let trusted: CertificateAuthority;
  let unknown: CertificateAuthority;
  beforeAll(async () => {
    [trusted, unknown] = await Promise.all([createCertificateAuthority(), createCertificateAuthority()]);
    setDefaultCACertificates([...systemAuthorities, trusted.certificatePem]);
  });
  afterAll(async () => {
    setDefaultCACertificates(systemAuthorities);
    await Promise.all([trusted.remove(), unknown.remove()]);
  });

  /** Says of each request whether its connection went on from an earlier one's keys. */
  async function startTlsUpstream(
    authority: CertificateAuthority,
    names?: string,
    validDays?: number,
  ): Promise<string> {
    const files = await authority.issue({ ...(names && { names }), ...(validDays && { validDays }) });
    const [cert, key] = await Promise.all([readFile(files.certificateFile), readFile(files.keyFile)]);
    const server = createServer({ cert, key }, ({ socket }, response) => {
      response.setHeader('Connection', 'close');
      response.end(JSON.stringify({ reused: socket instanceof TLSSocket && socket.isSessionReused() }));
    });
    const port = await listen(server, 0, '127.0.0.1');
    onTestFinished(() => closeNow(server));
    return `https://localhost:${port}`;
  }

  test('the upstream is asked where an authority that is trusted vouches for it, and handshakes are cut short', async () => {
    const transport = openTransport(await startTlsUpstream(trusted));
    const answers = [await transport.get('/', {}, LIMIT_MS), await transport.get('/', {}, LIMIT_MS)];
    expect(answers.map((answer) => JSON.parse(Buffer.from(answer.body).toString()))).toEqual([
      { reused: false },
      { reused: true },
    ]);
  });

  test('whoever counts hears when the certificate ends, of each handshake that is a whole one: one an hour at least', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const seen: number[] = [];
    const transport = createTransport({
      baseUrl: await startTlsUpstream(trusted, undefined, 30),
      maxResponseBytes: MAX_BYTES,
      userAgent: 'test',
      onCertificate: (expiresAtMs) => seen.push(expiresAtMs),
    });
    onTestFinished(transport.close);
    const ask = () => transport.get('/', {}, LIMIT_MS);
    await ask();
    await ask();
    expect(seen).toHaveLength(1);
    vi.advanceTimersByTime(60 * 60_000 + 1);
    await ask();
    expect(seen).toHaveLength(2);
    const daysLeft = seen.map((expiresAtMs) => Math.round((expiresAtMs - Date.now()) / 86_400_000));
    expect(daysLeft).toEqual([30, 30]);
  });

  test.each<[string, () => Promise<string>, string]>([
    [
      'by an authority that is not trusted',
      () => startTlsUpstream(unknown),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'for another name',
      () => startTlsUpstream(trusted, 'DNS:elsewhere.example'),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['that is over', () => startTlsUpstream(trusted, undefined, -1), 'CERT_HAS_EXPIRED'],
  ])('one with a certificate %s is not', async (_what, start, code) => {
    const answer = openTransport(await start()).get('/', { authorization: 'Bearer k' }, LIMIT_MS);
    await expect(answer).rejects.toMatchObject({ problem: 'network', code });
  });
});
