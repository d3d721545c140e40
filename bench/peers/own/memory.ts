import { memoryBackend } from '../../../src/backends/memory/index.ts';
import type { EngineModule } from '../engine.ts';
import { openService } from './service.ts';

export const open: EngineModule['open'] = (options) => openService(memoryBackend(), options);
