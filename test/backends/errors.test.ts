import { describe, expect, it } from 'vitest';
import {
  AnswerError,
  BackendClosedError,
  JournalConflictError,
  MalformedError,
  RefusedError,
  TooLargeError,
  UnavailableError,
} from '../../src/backends/index.ts';

describe('errors', () => {
  it('say the offending name, its value, the limit, and what to do', () => {
    const cause = new Error('timeout');
    expect(
      [
        new AnswerError('t', new Error('it is paused')),
        new BackendClosedError('memory', 'inbox.submit'),
        new JournalConflictError('t', 3, { sequence: 5, writer: 'w' }),
        new JournalConflictError('t', 3, { sequence: 0, writer: undefined }),
        new MalformedError('taskId', 'a b', '1 to 128 of A-Z'),
        new MalformedError('id', 'x'.repeat(1_000), 'less'),
        new TooLargeError('body', 7, 5, 'Send less.'),
        new UnavailableError('journal.append', { cause }),
      ].map(({ name, message }) => `${name}: ${message}`),
    ).toEqual([
      'AnswerError: Whoever runs the task "t" could not answer: it is paused',
      'BackendClosedError: inbox.submit was called on the memory backend after close(). Open another backend.',
      'JournalConflictError: The journal of task "t" ends with 5 by writer "w", where 3 was expected. Read it again before writing to it.',
      'JournalConflictError: The journal of task "t" is empty, where 3 was expected. Read it again before writing to it.',
      'MalformedError: taskId is "a b"; expected 1 to 128 of A-Z.',
      `MalformedError: id is "${'x'.repeat(199)}… (1002 characters); expected less.`,
      'TooLargeError: body is 7 bytes of JSON text; the limit is 5. Send less.',
      'UnavailableError: No answer to journal.append: timeout. It may have been done: repeat the very same call.',
    ]);
    expect(new UnavailableError('journal.append', { cause }).cause).toBe(cause);
  });

  it('are kinds of refusal where repeating is useless', () => {
    expect(new TooLargeError('body', 7, 5, '')).toBeInstanceOf(RefusedError);
    expect(new MalformedError('id', '', '')).toBeInstanceOf(RefusedError);
    expect(new UnavailableError('x', { cause: 1 })).not.toBeInstanceOf(RefusedError);
  });
});
