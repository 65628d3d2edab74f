/**
 * A small HTTP server that behaves as Magic Hour's lookup API, by its published description and `total_frame_cost`,
 * and checks the key that it is sent. A test drives it by its methods; whoever can't, by the project's id alone:
 *
 * | id            | what is answered                                                                |
 * |---------------|---------------------------------------------------------------------------------|
 * | `complete…`   | `complete` at once                                                              |
 * | `queued…`, `demo…` | `queued`, then `rendering`, then `complete`, counted from the first lookup |
 * | `failed…`     | `error`                                                                         |
 * | `canceled…`   | `canceled`                                                                      |
 * | `status-503-…` | that HTTP status, always; any from 400 to 599                                  |
 * | `slow-250-…`  | `complete`, after that many milliseconds                                        |
 * | `hang…`       | nothing, ever                                                                   |
 * | `flaky…`      | HTTP 503 once, then `complete`                                                  |
 * | `missing…` and all else | HTTP 404, unless `project()` defines it                               |
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { projectFromId } from './emulated-ids.ts';
import { pictureOf } from './emulated-picture.ts';
import {
  type EmulatedKind,
  type EmulatedProject,
  type EmulatedProjectDescription,
  projectBody,
} from './emulated-project.ts';
import { closeNow, listen, localUrl } from './http-server.ts';
import { ANY_ID, createRequestLog, type RecordedRequest } from './request-log.ts';
import { errorResponse, type ScriptedResponse, sendScripted } from './scripted-response.ts';
import { type SentWebhook, sendWebhook, webhookBody } from './webhook-sender.ts';

/** Easy to find where it must not be: in a log, a metric, an answer. */
export const EMULATOR_API_KEY = 'mhk_test_recognisable_emulator_key';

export interface MagicHourEmulatorOptions {
  readonly apiKeys?: readonly string[];
  /** Default 0: any free one. */
  readonly port?: number;
  readonly host?: string;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** How long a project that runs its time stays `queued`; default 1000. */
  readonly queuedMs?: number;
  /** … and then `rendering`; default 2000. */
  readonly renderingMs?: number;
  /** Default 24 hours, as upstream. */
  readonly downloadTtlSeconds?: number;
  /** Have the downloads of images lead to pictures that this server draws, in place of Magic Hour's own hosts. */
  readonly drawsPictures?: boolean;
}

export interface MagicHourEmulator {
  readonly baseUrl: string;
  readonly port: number;
  /** The first of the accepted keys. */
  readonly apiKey: string;
  /** What has arrived, oldest first, whatever was answered. */
  readonly requests: readonly RecordedRequest[];
  /** How many requests have arrived, for one id or in all. */
  count(id?: string): number;
  /** Resolves when the n-th request for the id (`*`: for any path) has arrived, answered or not. */
  whenRequested(id: string, n?: number): Promise<void>;
  /** Open sockets. */
  connections(): number;
  setApiKeys(keys: readonly string[]): void;
  /** Defines a project or replaces it, and starts its time. */
  project(id: string, description: EmulatedProjectDescription): void;
  /** Answers the next lookups of the id (`*`: of any) with this, once the key was found right. */
  respondNext(id: string, response: ScriptedResponse, times?: number): void;
  /**
   * Sends a webhook of a project as it stands now to a URL, and again until it is answered 2xx; see `sendWebhook`.
   *
   * @param change default: what the project's status says
   */
  sendWebhook(
    url: string,
    kind: EmulatedKind,
    id: string,
    options?: Parameters<typeof sendWebhook>[2] & { readonly change?: 'started' | 'completed' | 'errored' },
  ): Promise<SentWebhook>;
  /** The body that a lookup of a project would be answered at this moment. */
  bodyOf(kind: EmulatedKind, id: string): string;
  /** From now on requests arrive and wait, until `release()`. */
  holdAll(): void;
  release(): void;
  /** Forgets projects, scripted answers and requests, and releases what is held. */
  clear(): void;
  /** Ends open connections too. */
  close(): Promise<void>;
}

const ROUTE = /^\/v1\/(image|video|audio)-projects\/([A-Za-z0-9_-]+)(?:\?|$)/;
const PICTURE = /^\/pictures\/([A-Za-z0-9_-]+)\.svg(?:\?|$)/;
const NOT_FOUND = errorResponse(404, 'Not Found');
const UNAUTHORIZED = errorResponse(401, 'Unauthorized');

export async function startMagicHourEmulator(
  options: MagicHourEmulatorOptions = {},
): Promise<MagicHourEmulator> {
  const { port: wantedPort = 0, host = '127.0.0.1', now = Date.now } = options;
  const { queuedMs = 1000, renderingMs = 2000, downloadTtlSeconds = 86_400 } = options;
  const apiKey = options.apiKeys?.[0] ?? EMULATOR_API_KEY;
  const log = createRequestLog();
  const projects = new Map<string, EmulatedProject>();
  const scripts = new Map<string, ScriptedResponse[]>();
  let apiKeys: readonly string[] = options.apiKeys ?? [apiKey];
  let gate: PromiseWithResolvers<void> | undefined;
  let openSockets = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request;
    const [, kind, id] = ROUTE.exec(path) ?? [];
    log.record({ method, path, headers, atMs: now() }, id);
    request.resume();
    await gate?.promise;
    response.setHeader('date', new Date(now()).toUTCString());
    const [, pictured] = PICTURE.exec(path) ?? [];
    if (options.drawsPictures && pictured !== undefined) {
      const headers = { 'content-type': 'image/svg+xml' };
      return sendScripted(response, { headers, body: pictureOf(pictured) });
    }
    if (method !== 'GET' || !isKind(kind) || id === undefined) return sendScripted(response, NOT_FOUND);
    if (!apiKeys.some((key) => headers.authorization === `Bearer ${key}`))
      return sendScripted(response, UNAUTHORIZED);
    const known = projects.get(id) ?? adopt(id);
    await sendScripted(response, nextScripted(id) ?? answerTo(known, kind));
  }

  function answerTo(project: EmulatedProject | undefined, kind: EmulatedKind): ScriptedResponse {
    if (project === undefined || (project.description.kind ?? kind) !== kind) return NOT_FOUND;
    const { response, delayMs = 0 } = project.description;
    const drawn = options.drawsPictures && kind === 'image';
    const defaults = {
      queuedMs,
      renderingMs,
      downloadTtlSeconds,
      downloadUrl: drawn ? `${localUrl(host, port)}/pictures/${project.id}.svg` : undefined,
    };
    const body = () => projectBody(project, kind, defaults, now());
    return { delayMs, ...(response ?? { body: body() }) };
  }

  function bodyOf(kind: EmulatedKind, id: string): string {
    const project = projects.get(id) ?? adopt(id);
    if (project === undefined) throw new Error(`there is no project ${id}`);
    return projectBody(project, kind, { queuedMs, renderingMs, downloadTtlSeconds }, now());
  }

  function adopt(id: string): EmulatedProject | undefined {
    const fromId = projectFromId(id);
    if (fromId === undefined) return undefined;
    if (fromId.first !== undefined) respondNext(id, fromId.first);
    return define(id, fromId.description);
  }

  function define(id: string, description: EmulatedProjectDescription): EmulatedProject {
    const definedMs = now();
    const project = { id, description, definedMs, createdMs: projects.get(id)?.createdMs ?? definedMs };
    projects.set(id, project);
    return project;
  }

  function nextScripted(id: string): ScriptedResponse | undefined {
    return scripts.get(id)?.shift() ?? scripts.get(ANY_ID)?.shift();
  }

  function respondNext(id: string, response: ScriptedResponse, times = 1): void {
    scripts.set(id, [...(scripts.get(id) ?? []), ...Array<ScriptedResponse>(times).fill(response)]);
  }

  function release(): void {
    gate?.resolve();
    gate = undefined;
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  // Longer than any test's pause, so that it is always the client who lets an idle connection go.
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    openSockets += 1;
    socket.once('close', () => {
      openSockets -= 1;
    });
  });
  const port = await listen(server, wantedPort, host);

  return {
    baseUrl: localUrl(host, port),
    port,
    apiKey,
    requests: log.requests,
    count: log.count,
    whenRequested: log.whenRequested,
    connections: () => openSockets,
    setApiKeys: (keys) => {
      apiKeys = keys;
    },
    project: (id, description) => void define(id, description),
    respondNext,
    bodyOf,
    sendWebhook(url, kind, id, sending = {}) {
      const body = bodyOf(kind, id);
      const { change = changeOf(body), ...options } = sending;
      return sendWebhook(url, webhookBody(`${kind}.${change}`, body), { nowMs: now(), ...options });
    },
    holdAll: () => {
      gate ??= Promise.withResolvers();
    },
    release,
    clear: () => {
      projects.clear();
      scripts.clear();
      log.clear();
      release();
    },
    close: () => closeNow(server),
  };
}

function changeOf(body: string): string {
  if (body.includes('"status":"complete"')) return 'completed';
  return body.includes('"status":"error"') ? 'errored' : 'started';
}

function isKind(kind: string | undefined): kind is EmulatedKind {
  return kind === 'image' || kind === 'video' || kind === 'audio';
}
