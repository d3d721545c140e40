import { isSecretName, shown } from './secrets.ts';

/** Reading what was thrown, whatever it is: its words, without secrets, and the errors that caused it. */
const LONGEST_MESSAGE = 2_000;
export const DEEPEST_CAUSE = 5;
export const UNREADABLE = 'What was thrown cannot be read.';

/** An error, then what caused it, and so on; a cycle is left. */
export function causesOf(error: Error): Error[] {
  const chain: Error[] = [];
  for (
    let next: unknown = error;
    next instanceof Error && chain.length < DEEPEST_CAUSE && !chain.includes(next);
    next = next.cause
  ) {
    chain.push(next);
  }
  return chain;
}

/** What a thrown thing says, for a person; without secrets, and not too long. Never throws. */
export function messageOf(thrown: unknown): string {
  try {
    const { errors } = thrown instanceof AggregateError ? thrown : { errors: [] };
    const inner = errors.slice(0, DEEPEST_CAUSE).map(ownMessage).join('; ');
    return tidy(inner && !(thrown instanceof Error && thrown.message) ? inner : ownMessage(thrown));
  } catch {
    return UNREADABLE;
  }
}

function ownMessage(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message || `${thrown.name} without a message`);
  const text = JSON.stringify(thrown, (name, value: unknown) => (isSecretName(name) ? 'redacted' : value));
  return `No error was thrown but ${text ?? String(thrown)}.`;
}

/** A message without secrets, and not too long. */
export function tidy(message: string): string {
  return shown(message, LONGEST_MESSAGE);
}
