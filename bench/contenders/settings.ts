import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What a full contender of Node's is told by its environment; see node-contender.ts. */
export function readSettings() {
  const env = z
    .object({
      PORT: z.coerce.number(),
      UPSTREAM_URL: z.string(),
      UPSTREAM_KEY: z.string(),
      ISSUER: z.string(),
      AUDIENCE: z.string(),
      PUBLIC_KEY_FILE: z.string(),
      REDIS_URL: z.string(),
      LIMIT: z.coerce.number(),
    })
    .parse(process.env);
  return {
    port: env.PORT,
    upstreamUrl: env.UPSTREAM_URL,
    upstreamKey: env.UPSTREAM_KEY,
    issuer: env.ISSUER,
    audience: env.AUDIENCE,
    /** PEM */
    publicKey: readFileSync(env.PUBLIC_KEY_FILE, 'utf8'),
    redisUrl: env.REDIS_URL,
    /** Requests that one user may make in a minute. */
    limit: env.LIMIT,
  };
}
