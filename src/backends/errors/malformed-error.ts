import { RefusedError } from './refused-error.ts';

/** An argument (an id, a name, a subject, a key, a number) has not the form that the port asks for. */
export class MalformedError extends RefusedError {
  override readonly name = 'MalformedError';
  /** The argument's name: `taskId`. */
  readonly argument: string;

  constructor(argument: string, value: unknown, expectation: string) {
    super(`${argument} is ${shown(value)}; expected ${expectation}.`);
    this.argument = argument;
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}
