import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './embedded-world.ts';
import { heading, line, showExchange } from './print.ts';

/** Each step says what a frontend does, and what must come back for the demo to be telling the truth. */
export async function showSession(world: World): Promise<boolean> {
  const asked = asker(world);

  heading(
    '1. A finished picture. The first lookup goes to Magic Hour, with the key that only the server has',
  );
  const first = await asked('complete-1', { expect: 200, cache: 'fwd=uri-miss' });

  heading('2. The second comes from the cache, and so does that of another user');
  await asked('complete-1', { expect: 200, cache: 'hit' });
  await asked('complete-1', { as: 'bob', expect: 200, cache: 'hit' });

  heading('3. A browser that has it already gets 304 and no body');
  await asked('complete-1', { expect: 304, headers: { 'if-none-match': first.headers.get('etag') ?? '' } });

  heading('4. A picture that is being made: from queued to complete');
  await follow(asked);

  heading('5. Without a token nobody gets in');
  await asked('complete-1', { as: undefined, expect: 401 });

  heading('6. A project that nobody knows');
  await asked('missing-1', { expect: 404 });

  heading(`7. Who asks more than ${world.limit} times in ${world.windowSeconds} seconds is slowed down`);
  for (let n = 0; n < world.limit; n += 1)
    await asked('complete-1', { as: 'mallory', expect: 200, quiet: true });
  line(`… ${world.limit} lookups by mallory, then:`);
  await asked('complete-1', { as: 'mallory', expect: 429 });
  return true;
}

interface Ask {
  /** Whose token is sent; an explicit `undefined` sends none. */
  readonly as?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expect: number;
  /** What `Cache-Status` must say. */
  readonly cache?: string;
  readonly quiet?: boolean;
}

type Asker = (id: string, ask: Ask) => Promise<Response>;

function asker(world: World): Asker {
  return async (id, ask) => {
    const user = 'as' in ask ? ask.as : 'alice';
    const path = `/v1/image-projects/${id}`;
    const credentials =
      user === undefined ? {} : { authorization: `Bearer ${await world.issuer.token({ sub: user })}` };
    const response = await fetch(world.publicUrl + path, { headers: { ...credentials, ...ask.headers } });
    const body = await response.clone().text();
    if (!ask.quiet) showExchange(`GET ${path}   as ${user ?? 'nobody'}`, response, body);
    const cacheStatus = response.headers.get('cache-status') ?? '';
    if (response.status !== ask.expect || !cacheStatus.includes(ask.cache ?? '')) {
      throw new Error(`${path} answered ${response.status} (${cacheStatus}) where ${ask.expect} was due`);
    }
    return response;
  };
}

const MAX_POLLS = 20;

async function follow(asked: Asker): Promise<void> {
  for (let poll = 0; poll < MAX_POLLS; poll += 1) {
    const response = await asked('demo-1', { expect: 200 });
    const retryAfter = response.headers.get('retry-after');
    // Only a project that can still change says when to ask again.
    if (retryAfter === null) return;
    await delay(Number(retryAfter) * 1000);
  }
  throw new Error('the picture was never finished');
}
