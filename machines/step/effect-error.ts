import type { Issue } from '../issue.ts';

export interface EffectErrorOptions extends ErrorOptions {
  /** What went wrong, in a word that programs can rely on, such as `card_declined`. */
  code?: string;
  /** What was asked of the other side. */
  request?: { method: string; url: string };
  /** What is wrong with the data, by path. */
  issues?: readonly Issue[];
}

/** What an effect throws to say itself what happens next. Anything else that it throws is classified. */
abstract class EffectError extends Error {
  /** Whether another attempt may help. */
  abstract readonly retryable: boolean;
  readonly code: string;
  readonly request: { method: string; url: string } | undefined;
  readonly issues: readonly Issue[] | undefined;

  constructor(message: string, defaultCode: string, options: EffectErrorOptions) {
    super(message, options);
    this.code = options.code ?? defaultCode;
    this.request = options.request;
    this.issues = options.issues;
  }
}

/**
 * Fails the step at once: no further attempt can help.
 *
 * @example
 * ```ts
 * throw new PermanentError('The card was declined.', { code: 'card_declined' });
 * ```
 */
export class PermanentError extends EffectError {
  override readonly name = 'PermanentError';
  override readonly retryable = false;

  /** @param options.code @default 'permanent' */
  constructor(message: string, options: EffectErrorOptions = {}) {
    super(message, 'permanent', options);
  }
}

/**
 * Fails the attempt; the step is tried again as its retry policy says.
 *
 * @example
 * ```ts
 * throw new RetryableError('The printer is warming up.', { code: 'not_ready', retryAfter: 5_000 });
 * ```
 */
export class RetryableError extends EffectError {
  override readonly name = 'RetryableError';
  override readonly retryable = true;
  /** The shortest wait before the next attempt, in ms, where the other side named one. */
  readonly retryAfter: number | undefined;

  /** @param options.code @default 'retryable' */
  constructor(message: string, options: EffectErrorOptions & { retryAfter?: number } = {}) {
    super(message, 'retryable', options);
    this.retryAfter = options.retryAfter;
  }
}
