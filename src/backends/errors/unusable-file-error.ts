/** Why a file cannot hold a backend's data. */
export type UnusableFileReason =
  | 'no_folder'
  | 'a_directory'
  | 'no_permission'
  | 'no_room'
  | 'not_a_database'
  | 'another_program'
  | 'newer_schema'
  | 'damaged'
  | 'unreadable';

/** The file cannot be used as it is. The process should not start; the file was left as it was. */
export class UnusableFileError extends Error {
  override readonly name = 'UnusableFileError';
  /** The file's absolute path. */
  readonly file: string;
  readonly reason: UnusableFileReason;

  /** @param detail What is the matter and what to do, in sentences behind the path. @param options The evidence. */
  constructor(
    file: string,
    reason: UnusableFileReason,
    detail: string,
    options?: { readonly cause: unknown },
  ) {
    super(`The file ${file} ${detail}`, options);
    this.file = file;
    this.reason = reason;
  }
}
