/** Who has a file open. */
export interface FileOwner {
  readonly pid: number;
  readonly hostname: string;
  /** When it opened the file, as an ISO 8601 time. */
  readonly startedAt: string;
}

/**
 * Another backend has the file open. The process should not start: two of them would each run the same tasks.
 * Nothing was read or changed.
 */
export class FileInUseError extends Error {
  override readonly name = 'FileInUseError';
  /** The file's absolute path. */
  readonly file: string;
  /** Undefined when whoever has it open is no backend of Taskchart, or left no note. */
  readonly owner: FileOwner | undefined;

  constructor(file: string, owner: FileOwner | undefined) {
    super(`The file ${file} is in use by ${whoIs(owner)}`);
    this.file = file;
    this.owner = owner;
  }
}

function whoIs(owner: FileOwner | undefined): string {
  if (!owner) return 'another program, which left no note of who it is. Close it, or choose another file.';
  if (owner.pid === process.pid) {
    return `this very process (${owner.pid}) since ${owner.startedAt}. Share that backend, or close it first.`;
  }
  return (
    `process ${owner.pid} on ${owner.hostname} since ${owner.startedAt}. ` +
    'Stop that process, or choose another file.'
  );
}
