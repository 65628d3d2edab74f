import { setSourceMapsSupport } from 'node:module';
import type { StopListener } from './run.ts';

// Where an operator turns Node's reports on, they would hold the environment, and so the key.
process.report.excludeEnv = true;

// Before anything else is loaded, which takes most of a start: as the first process of a container it never hears of a
// signal that it does not listen for, and would be killed in the middle of its work when the patience is over.
const early: NodeJS.Signals[] = [];
let listener: StopListener = (signal) => void early.push(signal);
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, (signal) => listener(signal));

// Where it is built, stack traces name the lines of the sources. `node --enable-source-maps` would have all maps parsed at
// start, since pino asks who called it.
setSourceMapsSupport(true);

const { run } = await import('./run.ts');
run(process.argv.slice(2), process.env, (stop) => {
  listener = stop;
  for (const signal of early) stop(signal);
});
