import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const LOADED = 'loaded file:';

/** For `NODE_OPTIONS`: has a process name on stderr each file that it loads as a module. */
export const NAME_LOADED_MODULES = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, next) {
      if (url.startsWith('file:')) process.stderr.write('loaded ' + url + '\\n');
      return next(url, context);
    },
  });
`)}`;

/** The files that such a process has loaded, as URLs, with what stands in each. */
export function loadedModules(stderr: string): Array<{ readonly url: string; readonly text: string }> {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith(LOADED))
    .map((line) => line.slice('loaded '.length))
    .map((url) => ({ url, text: readFileSync(fileURLToPath(url), 'utf8') }));
}
