import { join } from 'node:path';
import { sqliteBackend } from '../../../src/backends/sqlite/index.ts';
import type { EngineModule } from '../engine.ts';
import { openService } from './service.ts';

export const open: EngineModule['open'] = async (options) =>
  openService(await sqliteBackend({ file: join(options.folder, 'bench.db') }), options);
