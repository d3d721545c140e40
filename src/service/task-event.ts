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

/** @param task The task's name. @throws {RequestError} It is no event, or not as its type asks for: each field is named. */
export function parseEvent(task: string, event: unknown): TaskEvent {
  const parsed = taskEventSchema.safeParse(event, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new RequestError(task, issuesOf(parsed.error.issues, ['event']));
}
