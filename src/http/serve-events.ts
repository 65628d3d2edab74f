import { HttpError } from '../errors.ts';
import { type Found, isOver } from '../lookup/found.ts';
import type { Lookup } from '../lookup/lookup.ts';
import type { Clock } from '../lookup/ports.ts';
import type { Kind } from '../lookup/project.ts';
import type { Watcher } from '../lookup/watcher.ts';
import { eventIdOf, retryFrame, statusFrame } from './event-frames.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import { askedFor, findProject } from './find-project.ts';
import type { OpenStreams } from './open-streams.ts';
import { recheck } from './recheck.ts';
import type { AppRequest, AppResponse, Handler } from './request-context.ts';
import { NO_STORE, respond, writeHead } from './respond.ts';

/** Those who are sent away together (a stop) come back over this time. */
const RETRY_MIN_MS = 1000;
const RETRY_SPREAD_MS = 2000;
/** How soon a stream ends that its reader may not see any more, where there is no news. */
const RECHECK_MS = 15_000;
/** A stream moves to another connection once a day at least; a timer can't be set for much longer. */
const MAX_STREAM_MS = 24 * 60 * 60 * 1000;

/** nginx holds back what it proxies unless it is told not to: https://nginx.org/en/docs/http/ngx_http_proxy_module.html */
const HEADERS = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store', 'X-Accel-Buffering', 'no'];

export interface EventsDependencies {
  readonly lookup: Pick<Lookup, 'find'>;
  readonly watcher: Pick<Watcher, 'follow'>;
  readonly streams: OpenStreams;
  readonly clock: Clock;
}

/**
 * A project's states as Server-Sent Events: the present one, then each change. The stream ends behind the last state, with the
 * user's token, and when this process stops; its reader comes back then and says by `Last-Event-ID` what it saw. To one who
 * saw the last state, 204 says not to come back.
 */
export function serveEvents(kind: Kind, { lookup, watcher, streams, clock }: EventsDependencies): Handler {
  return async (req, res) => {
    const { id } = askedFor(res);
    const { principal } = res.locals;
    if (principal === undefined) throw new HttpError('token_missing');
    // A caller who is gone already would never give the place back.
    if (res.destroyed) return;
    // One whose answer stands behind another's hears of no end of the connection; and a stream would hold up all behind it.
    if (res.socket === null)
      throw new HttpError('invalid_request', { reason: 'stream behind another answer' });
    res.once('close', streams.enter(principal.userKey));
    const finding = findProject(kind, lookup, res);
    const found = await finding;
    if (finding instanceof Promise) await recheck(res);
    const { answer } = found;
    if (!answer.found) throw new HttpError('not_found');
    const seen = req.headers['last-event-id'] === eventIdOf(answer);
    if (seen && answer.terminal) return respond(req, res, 204, NO_STORE);
    writeHead(res, 200, HEADERS);
    // At once and by itself: Node keeps the head as the pieces that it was put together from until it is written alone.
    res.flushHeaders();
    if (req.method === 'HEAD' || res.destroyed) {
      res.end();
      return;
    }
    letGo(req, res);
    res.locals.streaming = true;
    res.locals.held = { sinceMs: performance.now(), untilMs: undefined };
    const events = openEventStream(res);
    events.send(retryFrame(RETRY_MIN_MS + Math.round(Math.random() * RETRY_SPREAD_MS)));
    if (!seen) tell(res, events, found);
    if (isOver(found)) return;

    const following = watcher.follow(kind, id, found, {
      payer: res.locals.followerPayer,
      changed: inTurn(res, events),
      ended: events.end,
    });
    const lifeMs = Math.min(MAX_STREAM_MS, principal.expiresAtMs - clock.now());
    const life = setTimeout(events.end, lifeMs);
    const { rechecks } = res.locals;
    const checks = rechecks && setInterval(() => recheck(res)?.catch(events.end), RECHECK_MS);
    res.once('close', () => {
      clearTimeout(life);
      clearInterval(checks);
      following.leave();
    });
  };
}

/** A stream stays for long and there may be thousands: what its request came with, the token above all, need not stay as well. */
function letGo(req: AppRequest, res: AppResponse): void {
  req.rawHeaders = [];
  req.headers = {};
  res.locals.headers = [];
  delete res.locals.session;
}

/** Tells each state once it is known that its reader may still see it; one who may not is sent away, and told why when they come back. */
function inTurn(res: AppResponse, events: EventStream): (found: Found) => void {
  let turn: Promise<void> | undefined;
  return (found) => {
    const asked = turn?.then(() => recheck(res)) ?? recheck(res);
    if (asked === undefined) return tell(res, events, found);
    turn = asked.then(() => tell(res, events, found)).catch(events.end);
  };
}

function tell(res: AppResponse, events: EventStream, found: Found): void {
  const { answer } = found;
  if (answer.found) {
    // What would give the company's key away ends the stream, as it ends any response.
    if (res.locals.leakGuard.finds(answer.body)) {
      res.destroy();
      return;
    }
    events.send(statusFrame(answer));
  }
  if (isOver(found)) events.end();
}
