/** The words on the wire for how a step stands. */
export const STEP_STATUSES = [
  'pending',
  'running',
  'waiting_for_retry',
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
] as const;
export type StepStatus = (typeof STEP_STATUSES)[number];

/** The words on the wire for how a task stands. */
export const TASK_STATUSES = [
  'pending',
  'running',
  'parked',
  'paused',
  'blocked',
  'complete',
  'error',
  'cancelled',
  'resolved_manually',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/**
 * The states of the charts and the words for them: the one table. A step's states carry their word in the tag
 * that {@link stepTag} makes, a task's own states carry the word itself.
 */
export const STATUS_OF_STATE = {
  pending: 'pending',
  running: 'running',
  checking: 'running',
  waiting: 'running',
  backingOff: 'waiting_for_retry',
  succeeded: 'complete',
  failed: 'error',
  rejected: 'error',
  cancelled: 'cancelled',
} as const satisfies Record<string, StepStatus>;

/** The tag that says how a step stands: `fetch_cart:waiting_for_retry`. */
export function stepTag(step: string, status: StepStatus): string {
  return `${step}:${status}`;
}

const STEP_WORDS: ReadonlySet<string> = new Set(STEP_STATUSES);

/** What tags made by {@link stepTag} say, by step; others are passed over. */
export function stepsInTags(tags: Iterable<string>): ReadonlyMap<string, StepStatus> {
  const steps = new Map<string, StepStatus>();
  for (const tag of tags) {
    const end = tag.lastIndexOf(':');
    const word = tag.slice(end + 1);
    if (end > 0 && STEP_WORDS.has(word)) steps.set(tag.slice(0, end), word as StepStatus);
  }
  return steps;
}
