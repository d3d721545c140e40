import type { Issue } from '../../machines/issue.ts';
import { RequestError } from '../../machines/task/index.ts';
import { BackendClosedError, RefusedError, TooLargeError, UnavailableError } from '../backends/index.ts';
import { ActionRefusedError, TaskConflictError, TaskNotFoundError } from '../service/index.ts';

/** Why a door did not do what it was asked: problem details as in RFC 9457, at every door the same. */
export interface Problem {
  /** `urn:taskchart:problem:<kind>`: what a program goes by. `about:blank` where the status says all. */
  readonly type: string;
  /** The kind in words, always the same. */
  readonly title: string;
  /** An HTTP status, also where it did not come by HTTP. */
  readonly status: number;
  /** For a person: what is wrong this time, with the values. */
  readonly detail: string;
  /** Each place that is wrong. */
  readonly issues?: readonly Issue[];
}

/** The kinds of problems that have to do with tasks. */
const KINDS = {
  invalid_request: { title: 'The request is not as it should be', status: 400 },
  refused: { title: 'The request can never be taken as it is', status: 400 },
  too_large: { title: 'The request is too large', status: 413 },
  task_not_found: { title: 'There is no such task', status: 404 },
  action_refused: { title: 'The task does not take this as it stands', status: 409 },
  task_conflict: { title: 'Another request stands under this id', status: 409 },
  unavailable: { title: 'The service cannot answer now', status: 503 },
} as const;

export function problem(
  kind: keyof typeof KINDS,
  detail: string,
  more: Pick<Problem, 'issues'> = {},
): Problem {
  return { type: `urn:taskchart:problem:${kind}`, ...KINDS[kind], detail, ...more };
}

/**
 * What an error says to whoever asked; nothing of one that is no business of theirs. Where a backend is away, its own words, which may
 * name hosts, are not repeated.
 */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof RequestError) {
    return problem('invalid_request', error.message, { issues: error.issues });
  }
  if (error instanceof TaskNotFoundError) return problem('task_not_found', error.message);
  if (error instanceof ActionRefusedError) return problem('action_refused', error.message);
  if (error instanceof TaskConflictError) return problem('task_conflict', error.message);
  if (error instanceof TooLargeError) return problem('too_large', error.message);
  if (error instanceof RefusedError) return problem('refused', error.message);
  if (error instanceof UnavailableError) {
    return problem(
      'unavailable',
      'The backend does not answer, so it is unknown whether this was done. Repeat the very same request.',
    );
  }
  if (error instanceof BackendClosedError) return problem('unavailable', 'The service has stopped.');
  return undefined;
}
