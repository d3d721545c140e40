import { memoryBackend } from '../../src/backends/memory/index.ts';
import { conformance } from './suite.ts';

conformance('memory', memoryBackend, { virtualTime: true });
