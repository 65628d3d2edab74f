import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { z } from 'zod';
import { findOrInstall } from '../../test/support/debian-program.ts';
import { findRedisServer } from '../../test/support/redis-binary.ts';
import type { Facts } from '../results-page.ts';

/** Of this service and its contenders. */
const LIBRARIES = [
  'express',
  'express-rate-limit',
  'helmet',
  'ioredis',
  'jose',
  'pino',
  'prom-client',
  'axios',
  'lru-cache',
  'rate-limit-redis',
  'pino-http',
  'fastify',
  '@fastify/jwt',
  '@fastify/rate-limit',
  '@fastify/helmet',
];
const versionSchema = z.object({ version: z.string() });

/** When and on what, in a line for the head of a section: no name of a host, no path. */
export function measuredLine(): string {
  return `Measured on ${today()}: ${processors()}, Node ${process.versions.node}.`;
}

/** What a reader needs in order to compare: no name of a host, no path. */
export async function machineFacts(): Promise<Facts> {
  const redis = execFileSync(await findRedisServer(), ['--version'], { encoding: 'utf8' });
  const haProxy = execFileSync(await findOrInstall('haproxy', 'HAProxy'), ['-v'], { encoding: 'utf8' });
  return [
    ['date', today()],
    ['CPU', processors()],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    [
      'load average before the run',
      loadavg()
        .map((load) => load.toFixed(2))
        .join(', '),
    ],
    ['Node', `${process.versions.node} (V8 ${process.versions.v8})`],
    ['Redis', /v=(\S+)/.exec(redis)?.[1] ?? 'unknown'],
    ['HAProxy', /version (\S+)/.exec(haProxy)?.[1] ?? 'unknown'],
    ['libraries', LIBRARIES.map((name) => `${name} ${versionOf(name)}`).join(', ')],
  ];
}

const today = () => new Date().toISOString().slice(0, 10);
const processors = () => `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;

function versionOf(library: string): string {
  const file = new URL(`../../node_modules/${library}/package.json`, import.meta.url);
  return versionSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
