/** `npm run build`: writes dist/, which is what the image runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';
import { noticesFor } from './notices.ts';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));

writeFileSync(join(DIST, 'NOTICES.txt'), noticesFor(await bundle(DIST)));
