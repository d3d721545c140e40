import type { AnyStateMachine, InspectionEvent } from 'xstate';
import { z } from 'zod';
import { type Clock, systemClock } from '../../machines/clock.ts';
import type { IntakeFailure, PoolReport } from '../../machines/supervisor/index.ts';
import {
  type Backend,
  InvalidOptionsError,
  type OutgoingMessage,
  type PublishAck,
  type Records,
} from '../backends/index.ts';
import type { Problem } from '../durable/index.ts';
import type { ChangeEvent } from './change-event.ts';

/** A task that the service can run: what `defineTask` builds. */
export interface RunnableTask {
  readonly name: string;
  readonly version: string;
  readonly steps: readonly {
    readonly name: string;
    readonly after: readonly string[];
    /** The type of the event that it waits for. */
    readonly event?: string | undefined;
  }[];
  readonly machine: AnyStateMachine;
  /** @throws {RequestError} */
  parseContext(context: unknown): unknown;
  /** Parses an output that is given to a step by hand. @throws {RequestError} */
  parseOutput(step: string, output: unknown): Promise<unknown>;
}

/** What the effects of tasks may work with. */
export interface Surroundings {
  /** Publishes once, through the supervisor, and resolves with the acknowledgement; the step's chart retries. */
  readonly publish: (message: OutgoingMessage) => Promise<PublishAck>;
  readonly records: Records;
  readonly clock: Clock;
}

/** Something went wrong without stopping the service. */
export type ServiceReport =
  | Exclude<PoolReport, { type: 'pool.drained' }>
  | IntakeFailure
  /** A task cannot go on, and is set aside; see its error. */
  | { readonly type: 'task.blocked'; readonly id: string; readonly error: unknown }
  /** What came for a task as an event is none; it is dropped. */
  | { readonly type: 'event.refused'; readonly id: string; readonly error: unknown }
  /** Something about a task went wrong beside its way; see {@link Problem}. */
  | { readonly type: 'task.problem'; readonly id: string; readonly problem: Problem }
  | { readonly type: 'change.unpublished'; readonly id: string; readonly error: unknown }
  /** The option `inspect` threw. */
  | { readonly type: 'inspector.threw'; readonly error: unknown };

export interface ServiceOptions {
  readonly backend: Backend;
  /**
   * The tasks that it runs, or how they are made with what the service gives their effects. Of several versions of a name the
   * last is the one for new requests; a task goes on with the version that it was asked for with.
   */
  readonly tasks: readonly RunnableTask[] | ((surroundings: Surroundings) => readonly RunnableTask[]);
  /** How many tasks may live at a time. @default 256 */
  readonly limit?: number;
  /** How long running tasks may take to end when it drains, in ms. @default 10_000 */
  readonly drainWithin?: number;
  /**
   * Values in journals that are larger than this are kept once, by the hash of their content: in bytes of JSON text, reckoned
   * as if each character took one. @default 32_768
   */
  readonly largeValueBytes?: number;
  /** A task that only waits, for longer than this in ms or for an event, leaves memory until then. @default 30_000 */
  readonly parkAfter?: number;
  /**
   * After everything that comes to a task, replays its journal beside it and compares both: one that stands otherwise is
   * `blocked`. For tests: it finds what is not pure. @default false
   */
  readonly alwaysReplay?: boolean;
  /** @default the system's */
  readonly clock?: Clock;
  /** Sees every actor's events and snapshots, as XState's own `inspect` does. */
  readonly inspect?: (event: InspectionEvent) => void;
  /**
   * Told of each change of the tasks that run here, once its change event is stored: to log it. Of a task that is taken up
   * again, of what is new. What it throws becomes a warning of the process.
   *
   * @default nobody
   */
  readonly onChange?: (event: ChangeEvent) => void;
  /** Told of what went wrong without stopping the service. @default a line on standard error */
  readonly onReport?: (report: ServiceReport) => void;
}

/** {@link ServiceOptions}, parsed and complete. */
export type ServiceSettings = Omit<Required<ServiceOptions>, 'inspect'> & Pick<ServiceOptions, 'inspect'>;

const MAKER = 'startService';
const MOST_TASKS = 100_000;
/** What a timer takes. */
const LONGEST_DRAIN = 2_147_483_647;

/** Below that a reference is hardly smaller than what it stands for; above, nothing is kept in one value. */
const LEAST_LARGE = 256;
const MOST_LARGE = 2 ** 29;

const whole = (least: number, most: number, what: string) => {
  const error = `expected a whole number of ${what}, ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};
const callable = { error: 'expected a function' };

const schema = z.strictObject(
  {
    backend: z.custom<Backend>((value) => hasFunction(value, 'close'), {
      error: 'expected a backend, such as memoryBackend()',
    }),
    tasks: z.custom<ServiceOptions['tasks']>((value) => typeof value === 'function' || Array.isArray(value), {
      error: 'expected an array of tasks, or a function that makes one',
    }),
    limit: whole(1, MOST_TASKS, 'tasks').default(256),
    drainWithin: whole(0, LONGEST_DRAIN, 'milliseconds').default(10_000),
    largeValueBytes: whole(LEAST_LARGE, MOST_LARGE, 'bytes').default(32 * 1024),
    parkAfter: whole(0, Number.MAX_SAFE_INTEGER, 'milliseconds').default(30_000),
    alwaysReplay: z.boolean({ error: 'expected true or false' }).default(false),
    clock: z
      .custom<Clock>((value) => hasFunction(value, 'setTimeout') && hasFunction(value, 'clearTimeout'), {
        error: 'expected a clock: { setTimeout, clearTimeout, now? }',
      })
      .default(systemClock),
    inspect: z.custom<(event: InspectionEvent) => void>(isFunction, callable).optional(),
    onChange: z.custom<(event: ChangeEvent) => void>(isFunction, callable).default(() => () => {}),
    onReport: z
      .custom<(report: ServiceReport) => void>(isFunction, callable)
      .default(() => (report: ServiceReport) => console.error('taskchart:', report)),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'expected an object of options' : undefined) },
);

/** @throws {InvalidOptionsError} A line for each option that is not as expected. */
export function parseServiceOptions(options: ServiceOptions): ServiceSettings {
  const parsed = schema.safeParse(options);
  if (!parsed.success) throw new InvalidOptionsError(MAKER, shown(options), parsed.error.issues);
  const { inspect, ...settings } = parsed.data;
  return { ...settings, ...(inspect && { inspect }) };
}

const tasksSchema = z
  .array(
    z.custom<RunnableTask>((value) => hasFunction(value, 'parseContext') && 'machine' in (value as object), {
      error: 'expected a task, as defineTask(…).build() gives it',
    }),
    { error: 'expected an array of tasks' },
  )
  .min(1, { error: 'expected one task at least' })
  .superRefine((tasks, context) => {
    for (const [index, { name, version }] of tasks.entries()) {
      const first = tasks.findIndex((other) => other.name === name && other.version === version);
      if (first === index) continue;
      const message = `expected each version of a task once; tasks[${first}] is "${name}" in version "${version}" already`;
      context.addIssue({ code: 'custom', path: [index], message });
    }
  });

/** @throws {InvalidOptionsError} They are none, or one is given twice. */
export function parseTasks(tasks: readonly RunnableTask[]): readonly RunnableTask[] {
  const parsed = tasksSchema.safeParse(tasks);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ ...issue, path: ['tasks', ...issue.path] }));
  throw new InvalidOptionsError(MAKER, { tasks: shown(tasks) }, issues);
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function hasFunction(value: unknown, name: string): boolean {
  return isFunction((value as Record<string, unknown> | null | undefined)?.[name]);
}

/** Options as an error may show them: of what is no plain value, its kind alone. */
function shown(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const kind = (value: unknown) =>
    isFunction(value) || (typeof value === 'object' && value !== null)
      ? Object.prototype.toString.call(value)
      : value;
  if (Array.isArray(options)) return options.map(kind);
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, kind(value)]));
}
