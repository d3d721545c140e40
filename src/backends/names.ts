/** The form of what callers name things by, checked in one place so that no backend is stricter than another. */
import { MalformedError } from './errors/malformed-error.ts';

interface Form {
  readonly pattern: RegExp;
  readonly expectation: string;
}

const TOKENS = '[A-Za-z0-9_-]+(?:\\.[A-Za-z0-9_-]+)*';
const LONGEST_SUBJECT = 255;

const forms = {
  taskId: {
    pattern: /^[A-Za-z0-9_-]{1,128}$/,
    expectation: '1 to 128 of A-Z a-z 0-9 _ -',
  },
  taskName: {
    pattern: /^[a-z][a-z0-9_-]{0,63}$/,
    expectation: 'a lower-case letter, then up to 63 of a-z 0-9 _ -',
  },
  subscriberName: {
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    expectation: '1 to 64 of A-Z a-z 0-9 _ -',
  },
  id: {
    pattern: /^[^\p{Cc}\p{Cs}]{1,256}$/u,
    expectation: '1 to 256 characters, none of them a control character',
  },
  subject: {
    pattern: new RegExp(`^(?=.{1,${LONGEST_SUBJECT}}$)${TOKENS}$`),
    expectation: `tokens of A-Z a-z 0-9 _ - joined by dots, ${LONGEST_SUBJECT} characters at most`,
  },
  filter: {
    pattern: new RegExp(
      `^(?=.{1,${LONGEST_SUBJECT}}$)(?:>|(?:[A-Za-z0-9_-]+|\\*)(?:\\.(?:[A-Za-z0-9_-]+|\\*))*(?:\\.>)?)$`,
    ),
    expectation: `a subject in which * stands for one token and a last > for one or more, ${LONGEST_SUBJECT} characters at most`,
  },
  hash: {
    pattern: /^[0-9a-f]{64}$/,
    expectation: 'a SHA-256 in lower-case hex, as blobs.put gives it',
  },
} as const satisfies Record<string, Form>;

export type FormName = keyof typeof forms;

/** Whether a value has a form. */
export function hasForm(form: FormName, value: unknown): value is string {
  return typeof value === 'string' && forms[form].pattern.test(value);
}

/**
 * @param argument What the value is called in the port, for the error.
 * @throws {MalformedError}
 */
export function assertForm(form: FormName, value: unknown, argument: string): void {
  if (!hasForm(form, value)) throw new MalformedError(argument, value, forms[form].expectation);
}

/** What a form asks for, in words. */
export function expectationOf(form: FormName): string {
  return forms[form].expectation;
}

/** @throws {MalformedError} */
export function assertWhole(value: unknown, least: number, argument: string): void {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new MalformedError(argument, value, `a whole number of ${least} or more`);
  }
}
