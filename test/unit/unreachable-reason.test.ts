import { ReplyError } from 'ioredis';
import { expect, test } from 'vitest';
import { unreachableReason } from '../../src/cache/unreachable-reason.ts';

const withFields = (message: string, fields: object) => Object.assign(new Error(message), fields);
const SECRET = 'redis://:hunter2@redis.internal';

test.each([
  ['a code of the system', withFields(`connect to ${SECRET}`, { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ['the first word of a reply', new ReplyError(`WRONGPASS for ${SECRET}`), 'WRONGPASS'],
  ['nothing else of a reply', new ReplyError(SECRET), 'ReplyError'],
  [
    'ioredis’ words without its addresses',
    new Error(`All sentinels are unreachable. Last error: ${SECRET}`),
    'sentinels_unreachable',
  ],
  ['that it took too long', new Error('Command timed out'), 'timeout'],
  ['that it is slow', new Error('Redis is slow'), 'slow'],
  [
    'what the last node of a cluster failed with',
    withFields('Failed to refresh slots cache.', {
      lastNodeError: withFields(SECRET, { code: 'ETIMEDOUT' }),
    }),
    'ETIMEDOUT',
  ],
  ['the name of any other error', new TypeError(SECRET), 'TypeError'],
  ['nothing of what is no error', SECRET, 'unknown'],
])('the reason is %s', (_what, error, reason) => {
  expect(unreachableReason(error)).toBe(reason);
});
