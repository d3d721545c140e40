import { z } from 'zod';
import { issuesOf } from '../../machines/issue.ts';
import { RequestError } from '../../machines/task/index.ts';

/** XState's own events are how its actors speak among themselves: sent from outside they would pass for results. */
const RESERVED = 'xstate.';

const taskEventSchema = z
  .looseObject({
    type: z
      .string()
      .min(1)
      .refine((type) => !type.startsWith(RESERVED), `expected a type that does not begin with "${RESERVED}"`),
  })
  .refine(({ type, reason }) => type !== 'task.cancel' || ['string', 'undefined'].includes(typeof reason), {
    path: ['reason'],
    error: 'expected a string',
  });

/** An event that is sent to a task from outside. */
export type TaskEvent = z.output<typeof taskEventSchema>;

/** The one event that its charts do not see: whoever runs the task begins it anew. */
export const RESTART = 'task.restart';

const restartSchema = z.strictObject({
  type: z.literal(RESTART),
  /** Of the definition that it goes on with. @default the one it has, or the newest where that is not registered */
  version: z.string().optional(),
  /** The steps whose outputs it begins with. @default all that have succeeded */
  keep: z.array(z.string()).optional(),
  /** By step, outputs given by hand; they go before those that are kept. */
  results: z.record(z.string(), z.json()).optional(),
  /** For a person. */
  reason: z.string().optional(),
});
export type RestartEvent = z.output<typeof restartSchema>;

/** @param task The task's name. @throws {RequestError} It is no event, or not as its type asks for: each field is named. */
export function parseEvent(task: string, event: unknown): TaskEvent {
  const parsed = parse(task, taskEventSchema, event);
  return parsed.type === RESTART ? parseRestart(task, parsed) : parsed;
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
