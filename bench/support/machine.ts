import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { z } from 'zod';
import { findRedisServer } from '../../test/support/redis-binary.ts';

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
];
const versionSchema = z.object({ version: z.string() });

/** What a reader needs in order to compare: no name of a host, no path. */
export async function machineFacts(): Promise<ReadonlyArray<readonly [name: string, value: string]>> {
  const redis = execFileSync(await findRedisServer(), ['--version'], { encoding: 'utf8' });
  return [
    ['date', new Date().toISOString().slice(0, 10)],
    ['CPU', `${cpus()[0]?.model.trim()}, ${cpus().length} cores`],
    ['memory', `${Math.round(totalmem() / 2 ** 30)} GiB`],
    [
      'load average before the run',
      loadavg()
        .map((load) => load.toFixed(2))
        .join(', '),
    ],
    ['Node', `${process.versions.node} (V8 ${process.versions.v8})`],
    ['Redis', /v=(\S+)/.exec(redis)?.[1] ?? 'unknown'],
    ['libraries', LIBRARIES.map((name) => `${name} ${versionOf(name)}`).join(', ')],
  ];
}

function versionOf(library: string): string {
  const file = new URL(`../../node_modules/${library}/package.json`, import.meta.url);
  return versionSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).version;
}
