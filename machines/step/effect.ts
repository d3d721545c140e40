import { fromPromise, type PromiseActorLogic } from 'xstate';
import type { z } from 'zod';
import { type Clock, now } from '../clock.ts';
import { RetryableError } from './effect-error.ts';
import { failureOf } from './failure.ts';
import { assertOutput } from './output.ts';
import type { Random, RetryPolicy } from './retry-policy.ts';

/** What an effect is given. */
export interface EffectArguments<Context, Results> {
  /** The task's id. */
  readonly id: string;
  /** The context of the task's request. */
  readonly context: Context;
  /** The outputs of the steps that this one comes `after`, by name. */
  readonly results: Results;
  /**
   * `<task id>/<step>`: the same on every attempt and in every process. Hand it to the other side, as an
   * Idempotency-Key for example, so that a repeated attempt has no second effect there.
   */
  readonly key: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** Aborted when the attempt times out, a sibling fails, or the task is cancelled or stopped. */
  readonly signal: AbortSignal;
}

/**
 * The work of a step: the one place with side effects. It may run more than once, but never again once its
 * output is recorded. What it throws is classified: see {@link PermanentError} and {@link RetryableError}.
 */
export type Effect<Context, Results, Output> = (
  args: EffectArguments<Context, Results>,
) => Output | Promise<Output>;

/** What the chart hands to the actor of an attempt: the effect's arguments but for its signal. */
export type AttemptInput = Omit<EffectArguments<unknown, unknown>, 'signal'>;

declare const attemptLogic: unique symbol;

/** The actor that a step's `running` state invokes: made by the task's `provide`, since only that one classifies, times and parses. */
export type AttemptLogic = PromiseActorLogic<unknown, AttemptInput> & { readonly [attemptLogic]: true };

/** What an attempt is held to. */
export interface AttemptRules {
  readonly name: string;
  readonly output: z.ZodType;
  readonly retry: RetryPolicy;
  /** In ms. */
  readonly timeout: number;
}

/**
 * Wraps an effect as an actor that makes one attempt.
 *
 * Invariants:
 * - A1. It settles once: with the parsed output, which is JSON, or rejects with a {@link Failure}.
 * - A2. It settles at the timeout even if the effect ignores its signal; what the effect does later is not heard.
 * - A3. It tells time by the clock of the actor system it runs in, and leaves no timer behind.
 */
export function attemptOf(
  rules: AttemptRules,
  effect: Effect<never, never, unknown>,
  random: Random,
): AttemptLogic {
  const logic = fromPromise<unknown, AttemptInput>(({ input, self, signal: stopped }) => {
    const { clock } = self as unknown as { clock: Clock };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const aborter = new AbortController();
    const { retry, timeout } = rules;

    let settled = false;
    const settle = (end?: () => void) => {
      if (settled) return;
      settled = true;
      clock.clearTimeout(timer);
      end?.();
    };
    const fail = (thrown: unknown) =>
      settle(() => reject(failureOf(thrown, { attempt: input.attempt, retry, now: now(clock), random })));
    const timer = clock.setTimeout(() => {
      const late = new RetryableError(
        `Attempt ${input.attempt} of step "${rules.name}" took longer than its timeout of ${timeout} ms.`,
        { code: 'timeout' },
      );
      fail(late);
      aborter.abort(late);
    }, timeout);
    stopped.addEventListener('abort', () => {
      settle();
      aborter.abort(stopped.reason);
    });

    run(effect, { ...input, signal: aborter.signal } as EffectArguments<never, never>)
      .then((output) => parse(rules, output))
      .then((output) => settle(() => resolve(output)), fail);
    return promise;
  });
  return logic as AttemptLogic;
}

/** A synchronous throw of the effect is a rejection like any other. */
async function run(
  effect: Effect<never, never, unknown>,
  args: EffectArguments<never, never>,
): Promise<unknown> {
  return effect(args);
}

/** Asynchronously from the start: a schema that was tried synchronously first would leave promises that nobody hears. */
async function parse({ name, output: schema }: AttemptRules, output: unknown): Promise<unknown> {
  const parsed: unknown = await schema.parseAsync(output);
  assertOutput(name, parsed);
  return parsed;
}
