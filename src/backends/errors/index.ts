export { BackendClosedError } from './backend-closed-error.ts';
export { FileInUseError, type FileOwner } from './file-in-use-error.ts';
export { InvalidOptionsError } from './invalid-options-error.ts';
export { JournalConflictError, type StandingCommit } from './journal-conflict-error.ts';
export { MalformedError } from './malformed-error.ts';
export { RefusedError } from './refused-error.ts';
export { TooLargeError } from './too-large-error.ts';
export { UnavailableError } from './unavailable-error.ts';
export { UnusableFileError, type UnusableFileReason } from './unusable-file-error.ts';
