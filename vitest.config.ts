import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    execArgv: ['--conditions=development'],
    testTimeout: 20_000,
    restoreMocks: true,
  },
});
