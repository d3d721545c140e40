import type {
  AnyStateMachine,
  InspectionEvent,
  Observer,
  OutputFrom,
  SnapshotFrom,
  Subscription,
} from 'xstate';
import type { DurableActor, DurableOptions, Folded } from './actor.ts';
import { NotRunningError } from './errors/not-running-error.ts';
import { type Problem, warn } from './problem.ts';

/**
 * Who listens to a durable actor. One that throws harms no other, and is reported. Who comes after the end is told how it
 * ended, as XState does.
 */
export class Audience<Logic extends AnyStateMachine> {
  readonly #id: string;
  readonly #onEntry: DurableOptions<Logic>['onEntry'];
  readonly #onProblem: (problem: Problem) => void;
  readonly #observers = new Set<Observer<SnapshotFrom<Logic>>>();
  #end: { readonly error: unknown } | 'complete' | undefined;

  constructor({ id, onEntry, onProblem = warn }: DurableOptions<Logic>) {
    this.#id = id;
    this.#onEntry = onEntry;
    this.#onProblem = onProblem;
  }

  report(kind: Problem['kind'], error: unknown, address?: string): void {
    const problem: Problem = { kind, id: this.#id, error, ...(address !== undefined && { address }) };
    try {
      this.#onProblem(problem);
    } catch (thrown) {
      warn({ kind: 'observer', id: this.#id, error: thrown });
    }
  }

  folded(folded: Folded<Logic>): void {
    if (this.#onEntry) this.#tell(() => this.#onEntry?.(folded));
  }

  add(observer: Observer<SnapshotFrom<Logic>>): Subscription {
    const end = this.#end;
    if (end === undefined) this.#observers.add(observer);
    else this.#tell(() => (end === 'complete' ? observer.complete?.() : observer.error?.(end.error)));
    return { unsubscribe: () => void this.#observers.delete(observer) };
  }

  next(snapshot: SnapshotFrom<Logic>): void {
    for (const observer of this.#observers) this.#tell(() => observer.next?.(snapshot));
  }

  complete(): void {
    if (this.#end) return;
    this.#end = 'complete';
    for (const observer of this.#observers) this.#tell(() => observer.complete?.());
    this.#observers.clear();
  }

  /** What nobody listens for is reported. */
  error(error: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    let heard = false;
    for (const observer of this.#observers) {
      heard ||= observer.error !== undefined;
      this.#tell(() => observer.error?.(error));
    }
    this.#observers.clear();
    if (!heard) this.report('unobserved', error);
  }

  /** Nobody is told anything any more. */
  leave(): void {
    this.#observers.clear();
  }

  #tell(how: () => void): void {
    try {
      how();
    } catch (error) {
      this.report('observer', error);
    }
  }
}

export function observerOf<Snapshot>(
  next: ((snapshot: Snapshot) => void) | Observer<Snapshot> | undefined,
  error?: (error: unknown) => void,
  complete?: () => void,
): Observer<Snapshot> {
  if (typeof next === 'object') return next;
  return { ...(next && { next }), ...(error && { error }), ...(complete && { complete }) };
}

/** An inspector that throws would break the machine in the middle of what it does. */
export function guardedInspector(
  inspect: ((event: InspectionEvent) => void) | Observer<InspectionEvent>,
  onThrow: (error: unknown) => void,
): (event: InspectionEvent) => void {
  const observer = observerOf(inspect);
  return (event) => {
    try {
      observer.next?.(event);
    } catch (error) {
      onThrow(error);
    }
  };
}

export async function outputOf<Logic extends AnyStateMachine>(
  actor: DurableActor<Logic>,
): Promise<OutputFrom<Logic>> {
  const ended = new Promise<void>((complete, error) => void actor.subscribe({ complete, error }));
  const outcome = await Promise.race([ended, actor.settled]);
  if (outcome?.status === 'stopped') throw new NotRunningError(actor.id, outcome.status);
  await ended;
  return (actor.getSnapshot() as { output: OutputFrom<Logic> }).output;
}
