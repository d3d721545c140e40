import type { z } from 'zod';
import type { AttemptRules } from './effect.ts';
import type { CheckRules } from './verdict.ts';

/** Where a step stands in its task. */
interface Placed {
  /** For a person: what the step does. */
  readonly description?: string | undefined;
  /** The steps whose outputs reach this one. */
  readonly after: readonly string[];
  /** Of those, the ones that run in the same stage: only they can be unfinished when the stage begins. */
  readonly awaited: readonly string[];
  /** The machine's id: `#<task>.failed` and `#<task>.rejected` are where it ends early. */
  readonly task: string;
}

export type EffectPlan = Placed & AttemptRules & { readonly kind: 'effect' };
export type CheckPlan = Placed & CheckRules & { readonly kind: 'check' };
export type EventPlan = Placed & EventRules & { readonly kind: 'event' };
export type StepPlan = EffectPlan | CheckPlan | EventPlan;

/** What a step waits for that waits for an event. */
export interface EventRules {
  readonly name: string;
  /** The event's type. */
  readonly event: string;
  /** What its `data` must be: the step's output. */
  readonly output: z.ZodType;
  /** How long it waits, in ms; undefined: as long as it takes. */
  readonly within: number | undefined;
}

/** The name under which a task's machine declares the wait of a step's `backingOff`. */
export function backoffDelayName(step: string): string {
  return `${step}_backoff`;
}

/** The name under which it declares how long a step waits for its event. */
export function withinDelayName(step: string): string {
  return `${step}_within`;
}
