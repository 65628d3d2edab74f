import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findOrInstall } from '../../test/support/debian-program.ts';
import { freePort } from '../../test/support/free-port.ts';
import { type FullContender, whenAnswering } from '../support/contender.ts';
import { startMeasured } from '../support/measured-process.ts';
import { haProxyConfiguration } from './haproxy-configuration.ts';
import type { FullSettings, Ring } from './kinds.ts';

export async function startHaProxy(ring: Ring, { limit, logFile }: FullSettings): Promise<FullContender> {
  const program = await findOrInstall('haproxy', 'HAProxy');
  const [port, opsPort] = [await freePort(), await freePort()];
  const configurationFile = join(ring.folder, `haproxy-${port}.cfg`);
  await writeFile(configurationFile, haProxyConfiguration({ ...ring, port, opsPort, limit }));
  // -db: in the foreground, one process.
  const child = await startMeasured(program, ['-db', '-f', configurationFile], {}, logFile);
  const opsUrl = `http://127.0.0.1:${opsPort}`;
  await whenAnswering(child, `${opsUrl}/healthz`);
  return { ...child, url: `http://127.0.0.1:${port}`, opsUrl };
}
