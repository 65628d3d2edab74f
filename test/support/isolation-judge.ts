import type { IsolationModel, Sending, Version } from './isolation-model.ts';

export interface SentRequest {
  readonly user: string;
  /** Whether its token is the user's own, and valid. */
  readonly signedIn: boolean;
  readonly id: string;
  readonly method: 'GET' | 'HEAD';
  readonly ifNoneMatch: string | undefined;
  readonly requestId: string;
  readonly sending: Sending;
}

export interface ReceivedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

const ERROR_STATES: Readonly<Record<number, Version['state']>> = {
  402: 'unpaid',
  404: 'missing',
  502: 'foreign',
};

/**
 * Holds an answer against the model.
 *
 * @param maxHits the limit of each user
 * @returns what is wrong with it; nothing where all is well
 */
export function faultsOf(
  sent: SentRequest,
  answer: ReceivedAnswer,
  model: IsolationModel,
  maxHits: number,
): string[] {
  const faults: string[] = [];
  const { status, headers, body } = answer;
  const expect = (holds: boolean, fault: string) => {
    if (!holds)
      faults.push(
        `${fault}: ${JSON.stringify({ sent, status, headers: [...headers], body: body.toString() })}`,
      );
  };
  expect(headers.get('x-request-id') === sent.requestId, "another request's answer");
  expect(sent.method === 'GET' || body.length === 0, 'a body in answer to HEAD');
  if (!sent.signedIn) {
    expect(status === 401, 'an answer for somebody who is not signed in');
    expect(!body.includes('body '), 'bytes for somebody who is not signed in');
    return faults;
  }
  expectOwnCount(sent, headers, model, maxHits, expect);
  if (status === 429) {
    expect(model.counted(sent.user) > maxHits, "a limit that others' requests have reached");
    return faults;
  }
  const seen = model.maySee(sent.user, sent.id);
  if (!seen) {
    expect(status === 404, 'an answer about a project that the policy does not give');
    return faults;
  }
  const allowed = model.allowed(sent.id, sent.sending);
  const bodies = allowed.filter(({ state }) => !Object.values(ERROR_STATES).includes(state));
  const etag = headers.get('etag');
  if (status === 200) {
    const length = Number(headers.get('content-length'));
    const same = (version: Version) =>
      sent.method === 'HEAD' ? version.body.length === length : version.body.equals(body);
    expect(
      bodies.some((version) => version.etag === etag && same(version)),
      'a body that may not be served now',
    );
  } else if (status === 304) {
    expect(
      bodies.some((version) => version.etag === etag),
      'a validator that is of no body that may be served now',
    );
    expect(sent.ifNoneMatch === '*' || sent.ifNoneMatch === etag, 'a 304 for another validator');
    expect(body.length === 0, 'a body in a 304');
  } else {
    expect(
      allowed.some(({ state }) => state === ERROR_STATES[status]),
      'an error that nobody made',
    );
  }
  return faults;
}

type Expect = (holds: boolean, fault: string) => void;

function expectOwnCount(
  { user }: SentRequest,
  headers: Headers,
  model: IsolationModel,
  maxHits: number,
  expect: Expect,
): void {
  const name = /"user"[^,]*pk=:([^:]+):/.exec(headers.get('ratelimit-policy') ?? '')?.[1] ?? '';
  const left = Number(/"user"; r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]);
  expect(model.isOwnCount(user, name), "another user's count is told");
  expect(
    left >= Math.max(0, maxHits - model.counted(user)) && left < maxHits,
    "others' requests are counted as one's own",
  );
}
