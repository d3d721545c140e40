import { z } from 'zod';
import { issuesOf } from '../../machines/issue.ts';
import { RequestError } from '../../machines/task/index.ts';

/** XState's own events are how its actors speak among themselves: sent from outside they would pass for results. */
const RESERVED = 'xstate.';

/** The events that are actions on a task, whatever its chart. */
export const CANCEL = 'task.cancel';
export const PAUSE = 'task.pause';
export const RESUME = 'task.resume';
/** The one event that its charts do not see: whoever runs the task begins it anew. */
export const RESTART = 'task.restart';
/** What comes to a restart, once it is known how the task stands. */
export const RETRY = 'task.retry';
export const RESOLVE = 'task.resolve';

const typeSchema = z
  .string()
  .min(1)
  .refine((type) => !type.startsWith(RESERVED), `expected a type that does not begin with "${RESERVED}"`);

/** Who acts, and why: kept in the journal. */
const actor = {
  by: z.string().optional(),
  reason: z.string().optional(),
};

const restartSchema = z.strictObject({
  type: z.literal(RESTART),
  /** Of the definition that it goes on with. @default the one it has, or the newest where that is not registered */
  version: z.string().optional(),
  /** The steps whose outputs it begins with. @default all that have succeeded */
  keep: z.array(z.string()).optional(),
  /** A step that is run anew, with all that come after it; the others are kept. */
  from: z.string().optional(),
  /** By step, outputs given by hand; they go before those that are kept. */
  results: z.record(z.string(), z.json()).optional(),
  ...actor,
});
export type RestartEvent = z.output<typeof restartSchema>;

const retrySchema = z.strictObject({ type: z.literal(RETRY), from: z.string().optional(), ...actor });
export type RetryEvent = z.output<typeof retrySchema>;

const resolveSchema = z.strictObject({
  type: z.literal(RESOLVE),
  step: z.string(),
  output: z.json(),
  ...actor,
});
export type ResolveEvent = z.output<typeof resolveSchema>;

/** By type, what an action has to be. */
const actionSchemas: Readonly<Record<string, z.ZodType<TaskEvent>>> = {
  [CANCEL]: z.looseObject({ type: typeSchema, ...actor }),
  [PAUSE]: z.strictObject({ type: typeSchema, ...actor }),
  [RESUME]: z.strictObject({ type: typeSchema, ...actor }),
  [RESTART]: restartSchema,
  [RETRY]: retrySchema,
  [RESOLVE]: resolveSchema,
};

/** An event that is sent to a task from outside. */
export interface TaskEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

const taskEventSchema: z.ZodType<TaskEvent> = z.looseObject({ type: typeSchema });

/** @param task The task's name. @throws {RequestError} It is no event, or not as its type asks for: each field is named. */
export function parseEvent(task: string, event: unknown): TaskEvent {
  const parsed = parse(task, taskEventSchema, event);
  const schema = Object.hasOwn(actionSchemas, parsed.type) ? actionSchemas[parsed.type] : undefined;
  return schema ? parse(task, schema, event) : parsed;
}

/** @throws {RequestError} Each field that is wrong is named. */
export function parseRestart(task: string, event: unknown): RestartEvent {
  return parse(task, restartSchema, event);
}

function parse<Event>(task: string, schema: z.ZodType<Event>, event: unknown): Event {
  const parsed = schema.safeParse(event, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new RequestError(task, issuesOf(parsed.error.issues, ['event']));
}
