import type { Row } from './panel.ts';
import { cache } from './rows/cache.ts';
import { following } from './rows/following.ts';
import { goldenSignals } from './rows/golden-signals.ts';
import { limits } from './rows/limits.ts';
import { objectives } from './rows/objectives.ts';
import { processRow } from './rows/process.ts';
import { redis } from './rows/redis.ts';
import { secrets } from './rows/secrets.ts';
import { upstream } from './rows/upstream.ts';

/** All that is on the dashboard, from top to bottom. */
export const ROWS: readonly Row[] = [
  goldenSignals,
  objectives,
  cache,
  following,
  upstream,
  limits,
  redis,
  processRow,
  secrets,
];
