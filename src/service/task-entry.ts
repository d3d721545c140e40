import { z } from 'zod';
import { taskRequestSchema } from '../../machines/task/index.ts';
import type { Json } from '../backends/index.ts';
import type { TaskView } from './task-view.ts';

/**
 * What the service writes into a task's journal. What lies between is written by `src/durable`, whose entries have types
 * without a dot. Like those, these are the truth and outlive versions of this code: their form is added to, never changed.
 *
 * - `task.requested`: the request, which makes the task exist.
 * - `task.resumed`: a worker took it up again, which takes it from whoever ran it before.
 * - `task.restarted`: it begins anew, with outputs that are kept.
 * - `task.blocked`: it is set aside; a worker with another chart tries it again.
 * - `task.refused`: an event for the service, which cannot be; it is not looked at again.
 * - `task.ended`: how it ended.
 */
const requestedSchema = z.object({
  type: z.literal('task.requested'),
  request: taskRequestSchema,
  /** Of the task, for new requests, when this one came. */
  version: z.string(),
  /** Written by the worker that took the request from the inbox, before whoever asked came to it, or instead of them. */
  from: z.literal('inbox').optional(),
});

const resumedSchema = z.object({
  type: z.literal('task.resumed'),
  /** With nothing else in flight in its process. */
  // Of journals that were written before this was told, it is not known.
  alone: z.boolean().default(false),
});

const restartedSchema = z.object({
  type: z.literal('task.restarted'),
  /** In ms since the epoch. */
  at: z.number(),
  /** Of the event that asked for it. */
  id: z.string(),
  version: z.string(),
  /** By step, the outputs that it begins with. */
  results: z.record(z.string(), z.json()),
  /** Those of them that were given by hand. */
  resolved: z.array(z.string()).readonly().default([]),
  by: z.string().optional(),
  reason: z.string().optional(),
});

const blockedSchema = z.object({
  type: z.literal('task.blocked'),
  /** In ms since the epoch. */
  at: z.number(),
  error: z.object({ code: z.string(), message: z.string() }),
  /** A hash of the chart that it could not go on with. */
  chart: z.string(),
});

const refusedSchema = z.object({
  type: z.literal('task.refused'),
  /** In ms since the epoch. */
  at: z.number(),
  /** The event's. */
  id: z.string(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })),
});

const endedSchema = z.object({
  type: z.literal('task.ended'),
  /** In ms since the epoch. */
  at: z.number(),
  view: z.custom<TaskView>(),
});

const entrySchema = z.discriminatedUnion('type', [
  requestedSchema,
  resumedSchema,
  restartedSchema,
  blockedSchema,
  refusedSchema,
  endedSchema,
]);

export type TaskEntry = z.output<typeof entrySchema>;

/** An entry of the service, or nothing: one of the task's own. */
export function readTaskEntry(entry: Json): TaskEntry | undefined {
  const isOurs =
    typeof entry === 'object' &&
    entry !== null &&
    'type' in entry &&
    typeof entry.type === 'string' &&
    entry.type.startsWith('task.');
  return isOurs ? entrySchema.parse(entry) : undefined;
}
