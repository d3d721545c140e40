/** What the calls of the port are given, checked in one place so that no backend takes what another refuses. */
import { MalformedError } from './errors/malformed-error.ts';
import { jsonText } from './json-text.ts';
import { assertForm, assertWhole } from './names.ts';
import type { Commit, Json } from './port.ts';

/** How large a commit, a message, an event or a record may be, in bytes of JSON text. */
interface MessageLimit {
  readonly maxMessageBytes: number;
}

/** The JSON text of a commit's entries. @throws {MalformedError} @throws {NotJsonError} @throws {TooLargeError} */
export function entriesText(
  taskId: string,
  expected: number,
  commit: Commit,
  { maxMessageBytes }: MessageLimit,
): string {
  assertForm('taskId', taskId, 'taskId');
  assertWhole(expected, 0, 'expected');
  assertForm('id', commit.id, 'commit.id');
  assertForm('id', commit.writer, 'commit.writer');
  if (!Array.isArray(commit.entries) || commit.entries.length === 0) {
    throw new MalformedError(
      'commit.entries',
      JSON.stringify(commit.entries),
      'an array of one entry at least',
    );
  }
  commit.blobs?.forEach((hash, index) => {
    assertForm('hash', hash, `commit.blobs[${index}]`);
  });
  return jsonText(commit.entries, 'commit.entries', {
    bytes: maxMessageBytes,
    remedy: 'Keep large values as blobs, or raise the option maxMessageBytes.',
  });
}

/** @throws {MalformedError} */
export function assertPlace(taskId: string, after: number): void {
  assertForm('taskId', taskId, 'taskId');
  assertWhole(after, 0, 'after');
}

/** The JSON text of a message's body. @throws {MalformedError} @throws {NotJsonError} @throws {TooLargeError} */
export function messageText(
  { taskId, name, body }: { readonly taskId: string; readonly name: string; readonly body: Json },
  { maxMessageBytes }: MessageLimit,
): string {
  assertForm('taskId', taskId, 'taskId');
  assertForm('taskName', name, 'name');
  return jsonText(body, 'body', {
    bytes: maxMessageBytes,
    remedy: 'Send a reference to a large value, or raise the option maxMessageBytes.',
  });
}

/** The names to take, each once. @throws {MalformedError} */
export function namesToTake(names: readonly string[], limit: number): readonly string[] {
  assertWhole(limit, 1, 'limit');
  if (names.length === 0) throw new MalformedError('names', '[]', 'one task name at least');
  for (const name of names) assertForm('taskName', name, 'name');
  return [...new Set(names)];
}

/** @throws {MalformedError} */
export function assertTime(until: number | undefined): void {
  if (until !== undefined && !Number.isFinite(until)) {
    throw new MalformedError('until', until, 'a time in ms since the epoch');
  }
}

/** The JSON text of what is published. @throws {NotJsonError} @throws {TooLargeError} */
export function publicationText(body: Json, { maxMessageBytes }: MessageLimit): string {
  return jsonText(body, 'body', {
    bytes: maxMessageBytes,
    remedy: 'Publish a reference to a large value, or raise the option maxMessageBytes.',
  });
}

/** @throws {MalformedError} */
export function assertSubscriber(filter: string, name: string | undefined): void {
  assertForm('filter', filter, 'filter');
  if (name !== undefined) assertForm('subscriberName', name, 'name');
}

/** The JSON text of a record. @throws {MalformedError} @throws {NotJsonError} @throws {TooLargeError} */
export function recordText(key: string, value: Json, { maxMessageBytes }: MessageLimit): string {
  assertForm('subject', key, 'key');
  return jsonText(value, 'value', {
    bytes: maxMessageBytes,
    remedy: 'Keep large parts as blobs, or raise the option maxMessageBytes.',
  });
}

/** The JSON text of a blob. @throws {NotJsonError} @throws {TooLargeError} */
export function blobText(value: Json, { maxBlobBytes }: { readonly maxBlobBytes: number }): string {
  return jsonText(value, 'value', {
    bytes: maxBlobBytes,
    remedy: 'Split it, or raise the option maxBlobBytes.',
  });
}

/** The JSON text of what is asked. @throws {MalformedError} @throws {NotJsonError} @throws {TooLargeError} */
export function askText(taskId: string, ask: Json, { maxMessageBytes }: MessageLimit): string {
  assertForm('taskId', taskId, 'taskId');
  return jsonText(ask, 'ask', {
    bytes: maxMessageBytes,
    remedy: 'Ask less, or raise the option maxMessageBytes.',
  });
}

/** The JSON text of an answer. @throws {NotJsonError} @throws {TooLargeError} */
export function answerText(answer: Json, { maxMessageBytes }: MessageLimit): string {
  return jsonText(answer, 'answer', {
    bytes: maxMessageBytes,
    remedy: 'Answer less, or raise the option maxMessageBytes.',
  });
}
