import { type InternalAction, type InternalScope, isBuiltIn } from './xstate-internals.ts';

/**
 * D7. Makes a chart's actions and emits run live only, and its actions do no harm when they throw. What XState's own
 * actions do (`raise`, `sendTo`, `cancel`, `spawnChild` …) belongs to the fold, and is left alone but for `log`.
 *
 * This is done where an action is executed, not by `provide`: that does not reach inline actions and child machines.
 *
 * @param when.acts Asked when the action runs, which may be later than when it was queued.
 */
export function liveActionsOnly(
  scope: InternalScope,
  when: { readonly acts: boolean },
  report: (thrown: unknown) => void,
): void {
  const { emit, actionExecutor } = scope;
  scope.emit = (event) => {
    if (when.acts) emit(event);
  };
  const guarded = ({ exec }: InternalAction): InternalAction['exec'] =>
    exec &&
    ((info, params) => {
      if (!when.acts) return;
      try {
        const made = exec(info, params);
        if (made instanceof Promise) made.catch(report);
      } catch (thrown) {
        report(thrown);
      }
    });
  scope.actionExecutor = (action) =>
    actionExecutor(isBuiltIn(action) ? action : { ...action, exec: guarded(action) });
}
