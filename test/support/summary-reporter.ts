import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with one plain line that any machine can read. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string) => states.filter((each) => each === state).length;
    const brokenModules = modules.filter((module) => module.errors().length > 0).length;
    const line = `${count('passed')} passed, ${count('failed') + brokenModules} failed, ${count('skipped')} skipped`;
    process.stdout.write(`\n${line}\n`);
  }
}
