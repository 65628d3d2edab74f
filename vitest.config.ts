import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real servers on two cores: a few files at a time keep each of them prompt.
    maxWorkers: 2,
    // CommonJS packages look as they do to Node itself.
    deps: { interopDefault: false },
    reporters: ['default', './test/support/summary-reporter.ts'],
  },
});
