import { findOrInstall } from './debian-program.ts';

/** The path of `redis-server`, found or installed. @throws Error that says what to install */
export function findRedisServer(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return findOrInstall('redis-server', 'Redis 7 or later', env);
}
