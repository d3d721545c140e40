import { natsBackend } from '../../../src/backends/nats/index.ts';
import type { EngineModule } from '../engine.ts';
import { openService } from './service.ts';

export const open: EngineModule['open'] = async (options) =>
  openService(await natsBackend({ servers: options.url }), options);
