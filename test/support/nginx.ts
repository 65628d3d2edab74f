import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOrInstall } from './debian-program.ts';
import { freePort } from './free-port.ts';

export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/** A real nginx before one replica, with nothing set that it has a default for. */
export async function startNginx(publicPort: number): Promise<Nginx> {
  const program = await findOrInstall('nginx', 'nginx');
  const folder = await mkdtemp(join(tmpdir(), 'magic-hour-bff-nginx-'));
  const port = await freePort();
  const configPath = join(folder, 'nginx.conf');
  await writeFile(configPath, configuration(folder, port, publicPort));
  const child = spawn(program, ['-p', folder, '-c', configPath, '-g', 'daemon off;'], { stdio: 'ignore' });
  const stopWithParent = () => void child.kill('SIGKILL');
  process.once('exit', stopWithParent);
  const exited = once(child, 'exit').then(() => void process.off('exit', stopWithParent));
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

/** Paths alone differ from a fresh installation, so that it needs no right that a test may not have. */
function configuration(folder: string, port: number, publicPort: number): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    `pid ${folder}/nginx.pid;`,
    `error_log ${folder}/error.log;`,
    'events {}',
    'http {',
    `  access_log ${folder}/access.log;`,
    ...paths.map((name) => `  ${name}_temp_path ${folder}/${name};`),
    '  server {',
    `    listen 127.0.0.1:${port};`,
    `    location / { proxy_pass http://127.0.0.1:${publicPort}; }`,
    '  }',
    '}',
    '',
  ].join('\n');
}
