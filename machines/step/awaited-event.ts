import { assertOutput } from './output.ts';
import type { EventRules } from './plan.ts';
import { isStrayPromise } from './promises.ts';

/** An event that a step waits for. Its `data` is the step's output. */
export interface StepEvent {
  readonly type: string;
  readonly data?: unknown;
}

/**
 * What an event gives to the step that waits for it. Pure: guards and actions ask for it.
 *
 * @returns Nothing if its data is not what the step takes; then the step goes on waiting.
 */
export function outputIn(
  { name, output: schema }: EventRules,
  { data }: StepEvent,
): { readonly output: unknown } | undefined {
  try {
    const parsed = schema.safeParse(data);
    if (!parsed.success || isStrayPromise(parsed.data)) return undefined;
    assertOutput(name, parsed.data);
    return { output: parsed.data };
  } catch {
    // An asynchronous schema, or an output that is no JSON: never what it takes.
    return undefined;
  }
}
