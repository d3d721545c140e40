import { z } from 'zod';
import { defineTask, type TaskDefinition } from '../../../machines/task/index.ts';

/** A definition whose steps a test makes up as it goes, so that types know nothing of them. */
export type LooseTask = TaskDefinition<unknown, Record<string, unknown>, Record<string, unknown>, unknown>;

export interface LooseStep {
  readonly name: string;
  readonly after?: readonly string[];
  readonly [option: string]: unknown;
}

interface LooseBuilder {
  step(name: string, options: object): LooseBuilder;
  build(options?: object): LooseTask;
}

/** A task of steps as a caller without types would write them; each gives JSON unless it says otherwise. */
export function looseTask(steps: readonly LooseStep[], options: object = {}): LooseTask {
  const task = { name: 'task', version: '1', context: z.unknown(), ...options };
  let builder = defineTask(task) as unknown as LooseBuilder;
  for (const { name, ...rest } of steps) builder = builder.step(name, { output: z.json(), ...rest });
  return builder.build();
}
