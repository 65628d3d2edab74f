/** `npm run client:build`: writes client/dist, which is what the package entry `./client` points to. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

export async function buildClient(): Promise<void> {
  await build({
    entryPoints: [pathOf('client/index.ts')],
    outfile: pathOf('client/dist/index.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    sourcemap: true,
    logLevel: 'warning',
  });
  // By its own settings, which know a browser and nothing of Node: whatever it uses must be there in both.
  execFileSync(process.execPath, [pathOf('node_modules/typescript/bin/tsc'), '-p', pathOf('client')], {
    stdio: 'inherit',
  });
}

if (import.meta.main) await buildClient();
