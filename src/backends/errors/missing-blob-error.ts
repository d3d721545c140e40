/** What an entry refers to: which entry, and where in it. */
export interface BlobReference {
  readonly taskId: string;
  /** Of the commit. */
  readonly sequence: number;
  /** Which entry of the commit, counted from 0. */
  readonly index: number;
  /** Where in the entry the value belongs, as a JSON pointer. */
  readonly pointer: string;
  readonly hash: string;
}

/** A journal refers to a blob that is not there: the backend did not keep what it promised, or somebody removed it. */
export class MissingBlobError extends Error implements BlobReference {
  override readonly name = 'MissingBlobError';
  readonly taskId: string;
  readonly sequence: number;
  readonly index: number;
  readonly pointer: string;
  readonly hash: string;

  constructor({ taskId, sequence, index, pointer, hash }: BlobReference) {
    super(
      `Entry ${index} of commit ${sequence} of task "${taskId}" refers at "${pointer}" to blob ${hash}, which is not there. ` +
        'It was lost or removed: restore it from a backup.',
    );
    this.taskId = taskId;
    this.sequence = sequence;
    this.index = index;
    this.pointer = pointer;
    this.hash = hash;
  }
}
