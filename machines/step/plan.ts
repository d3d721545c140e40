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
export type StepPlan = EffectPlan | CheckPlan;

/** The name under which a task's machine declares the wait of a step's `backingOff`. */
export function backoffDelayName(step: string): string {
  return `${step}_backoff`;
}
