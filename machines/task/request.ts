import { z } from 'zod';
import { issuesOf } from '../issue.ts';
import { nameSchema, taskIdSchema } from './names.ts';
import { RequestError } from './request-error.ts';

/** Who asks where nobody says so. */
const UNKNOWN = 'unknown';

/** A request for a task, as it comes through any door. */
export const taskRequestSchema = z.strictObject({
  /** Which task. */
  name: nameSchema,
  /** What the task is about; its definition says what it must be. */
  context: z.record(z.string(), z.json()).default({}),
  /** Who asks. */
  initiator: z.string().default(UNKNOWN),
  /** Why. */
  reason: z.string().default(UNKNOWN),
  /** Which system asks. */
  source_system: z.string().default(UNKNOWN),
  tags: z.array(z.string()).default([]),
  /** Of the caller's choice; it makes the request idempotent. Without one, one is made. */
  id: taskIdSchema.optional(),
  /** When it was asked for: ISO 8601. */
  requested_at: z.iso.datetime({ offset: true }).optional(),
  /** Not to be started before: ISO 8601. */
  run_at: z.iso.datetime({ offset: true }).optional(),
});

/** A request as a caller writes it. */
export type TaskRequestInput = z.input<typeof taskRequestSchema>;
/** A request that was parsed: defaults filled in. */
export type TaskRequest = z.output<typeof taskRequestSchema>;

/** @throws {RequestError} It names each field that is wrong, what it is and what was expected. */
export function parseRequest(request: unknown): TaskRequest {
  const parsed = taskRequestSchema.safeParse(request, { reportInput: true });
  if (parsed.success) return parsed.data;
  const { data } = z.looseObject({ name: z.string() }).safeParse(request);
  throw new RequestError(data?.name, issuesOf(parsed.error.issues));
}
