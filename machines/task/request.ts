import { z } from 'zod';
import { type Issue, issuesOf } from '../issue.ts';
import { assertJson } from '../json.ts';
import { NotJsonError } from '../not-json-error.ts';
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
  // Before zod looks at it: it would follow a cycle for ever, and does not say what of a value is not JSON.
  const misfit = misfitIn(request);
  const readable = misfit ? { ...(request as object), context: {} } : request;
  const parsed = taskRequestSchema.safeParse(readable, { reportInput: true });
  if (parsed.success && !misfit) return parsed.data;
  const { data } = z.looseObject({ name: z.string() }).safeParse(readable);
  const issues = issuesOf(parsed.error?.issues ?? []);
  throw new RequestError(data?.name, misfit ? [misfit, ...issues] : issues);
}

/** What of a request's context is not JSON. */
function misfitIn(request: unknown): Issue | undefined {
  if (typeof request !== 'object' || request === null || !('context' in request)) return undefined;
  try {
    if (request.context !== undefined) assertJson(request.context, 'context');
    return undefined;
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error;
    const { path, message } = error;
    return { path, message: message.slice(path.length + 1) };
  }
}
