/**
 * The issuer as a process; needs Node, this folder and `jose`. `ISSUER_HOST`, `ISSUER_PORT`, `ISSUER_PUBLIC_URL`,
 * `ISSUER_AUDIENCE`. A token is had by `curl "$ISSUER/token?sub=alice"`.
 */
import { startTokenIssuer } from './token-issuer.ts';

const { ISSUER_HOST, ISSUER_PORT, ISSUER_PUBLIC_URL, ISSUER_AUDIENCE } = process.env;
const issuer = await startTokenIssuer({
  host: ISSUER_HOST ?? '127.0.0.1',
  port: Number(ISSUER_PORT ?? 9300),
  ...(ISSUER_PUBLIC_URL !== undefined && { issuer: ISSUER_PUBLIC_URL }),
  ...(ISSUER_AUDIENCE !== undefined && { audience: ISSUER_AUDIENCE }),
  handsOutTokens: true,
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void issuer.close());
process.stdout.write(`ISSUER=${issuer.issuer}\n`);
