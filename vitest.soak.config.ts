import { defineConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** What takes longer than CI may: `npm run soak`. */
export default defineConfig({ test: { ...config.test, include: ['test/**/*.soak.ts'] } });
