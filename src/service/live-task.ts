import { randomUUID } from 'node:crypto';
import { type Actor, type AnyStateMachine, createActor, type InspectionEvent } from 'xstate';
import { type Clock, now } from '../../machines/clock.ts';
import type { TaskActor } from '../../machines/supervisor/index.ts';
import { changesBetween, reportOf, type TaskReport, type TaskSnapshot } from '../../machines/task/index.ts';
import { type Backend, type Json, UnavailableError } from '../backends/index.ts';
import { changeMessage } from './change-event.ts';
import type { TaskPast } from './task-log.ts';
import { emptyView, type TaskView, withChanges } from './task-view.ts';

/** What a live task is made of, and works with. */
export interface LiveTaskOptions {
  readonly id: string;
  readonly task: { readonly name: string; readonly version: string; readonly machine: AnyStateMachine };
  /** The request's context, parsed. */
  readonly context: unknown;
  readonly past: TaskPast;
  readonly backend: Backend;
  readonly writer: string;
  readonly clock: Clock;
  readonly inspect: ((event: InspectionEvent) => void) | undefined;
  /** Told of change events that could not be published. */
  readonly onError: (error: unknown) => void;
}

/** How many times the end of a task is written before that is given up, a second apart. */
const END_ATTEMPTS = 60;
const END_RETRY = 1_000;

/**
 * A task that runs in this process.
 *
 * - L1. Every change of its chart is published, in order, beside its way: no step waits for that.
 * - L2. It is complete for its observer only once its end is in its journal.
 */
export class LiveTask implements TaskActor {
  readonly #actor: Actor<AnyStateMachine>;
  readonly #options: LiveTaskOptions;
  #report: TaskReport | undefined;
  #view: TaskView;
  /** What has come to the task so far; the request is the first. */
  #entry = 0;

  constructor(options: LiveTaskOptions) {
    const { id, task, context, clock, inspect } = options;
    this.#options = options;
    this.#view = emptyView({ id, name: task.name, version: task.version });
    this.#actor = createActor(task.machine, { input: { id, context }, clock, ...(inspect && { inspect }) });
  }

  subscribe(observer: Parameters<TaskActor['subscribe']>[0]): { unsubscribe(): void } {
    const end = (how: () => void) => this.#recordEnd().then(how, observer.error);
    return this.#actor.subscribe({
      next: () => this.#publishChanges(),
      error: (error: unknown) => {
        this.#publishChanges();
        void end(() => observer.error(error));
      },
      complete: () => void end(observer.complete),
    });
  }

  start(): void {
    this.#actor.start();
  }

  send(event: { type: string }): void {
    this.#actor.send(event);
  }

  stop(): void {
    this.#actor.stop();
  }

  /** How it stands. */
  getSnapshot(): TaskView {
    return this.#view;
  }

  #publishChanges(): void {
    const { id, task, clock, backend, onError } = this.#options;
    const time = now(clock);
    const report = reportOf(this.#actor.getSnapshot() as TaskSnapshot);
    const changes = changesBetween(this.#report, report);
    this.#entry += 1;
    this.#report = report;
    if (changes.length === 0) return;
    this.#view = withChanges(this.#view, changes, time);
    const { name, version } = task;
    const message = changeMessage(
      { id, entry: this.#entry, time },
      { name, version, status: report.status, changes },
    );
    backend.events.publish(message).catch(onError);
  }

  async #recordEnd(): Promise<void> {
    try {
      await this.#appendEnd(this.#view);
    } catch (error) {
      // What cannot be written down as it is, a huge output say, still must not leave the task without an end.
      const { output: _, ...view } = this.#view;
      const message = `How the task ended cannot be recorded: ${error instanceof Error ? error.message : String(error)}`;
      await this.#appendEnd({ ...view, status: 'error', error: { code: 'unrecordable', message } });
    }
  }

  /** Appends the same commit again as long as it is unknown whether it was stored. */
  async #appendEnd(view: TaskView): Promise<void> {
    const { id, past, backend, writer, clock } = this.#options;
    const entries = [{ type: 'task.ended', view: view as unknown as Json }];
    const commit = { id: randomUUID(), writer, entries, closing: true };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await backend.journal.append(id, past.sequence, commit);
        return;
      } catch (error) {
        if (!(error instanceof UnavailableError) || attempt >= END_ATTEMPTS) throw error;
        await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), END_RETRY));
      }
    }
  }
}
