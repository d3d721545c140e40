import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    execArgv: ['--conditions=development'],
    setupFiles: ['test/leaks.ts'],
    testTimeout: 20_000,
    restoreMocks: true,
  },
});
