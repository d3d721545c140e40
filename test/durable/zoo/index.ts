import type { Animal } from '../world.ts';
import { effects } from './effects.ts';
import { families } from './families.ts';
import { states } from './states.ts';
import { tasks } from './tasks.ts';
import { times } from './times.ts';

/** Machines that use, between them, everything that can be made durable. */
export const zoo: readonly Animal[] = [...states, ...times, ...effects, ...families, ...tasks];
