import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { memoryBackend } from '../../src/backends/memory/index.ts';
import { sqliteBackend } from '../../src/backends/sqlite/index.ts';
import { conformance } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'taskchart-conformance-'));
afterAll(() => rmSync(folder, { recursive: true }));

conformance('memory', memoryBackend, { virtualTime: true });

conformance(
  'sqlite',
  (settings, place) => sqliteBackend({ ...settings, file: join(folder, `${place}.db`) }),
  {
    virtualTime: true,
    reopens: true,
  },
);
