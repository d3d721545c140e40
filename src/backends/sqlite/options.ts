import { resolve } from 'node:path';
import { z } from 'zod';
import {
  type CommonOptions,
  type CommonSettings,
  commonFields,
  optionsSchema,
  parseOptions,
} from '../options.ts';

/** Options of {@link sqliteBackend}. */
export interface SqliteOptions extends CommonOptions {
  /**
   * The path of the file that keeps everything; relative to the working directory. It is made if it is not there, its
   * folder is not. Beside it SQLite keeps `<file>-wal`, and the backend `<file>-owner`, as long as it is open. It must
   * be on a disk of this machine: over a network file system locks cannot be relied on.
   */
  readonly file: string;
}

/** {@link SqliteOptions}, parsed and complete. */
export interface SqliteSettings extends CommonSettings {
  /** Absolute. */
  readonly file: string;
}

const path = 'expected the path of a file';

/** The file, as it is written: it becomes absolute. */
export const fileSchema = z
  .string({ error: path })
  .min(1, { error: path })
  .refine((file) => !file.includes('\0'), { error: `${path}, without a NUL` })
  .refine((file) => !/^(?::memory:$|file:)/.test(file), {
    error: `${path}, no SQLite URI; what need not outlive the process is for memoryBackend`,
  })
  .transform((file) => resolve(file));

const schema = optionsSchema({ file: fileSchema, ...commonFields });

/** @throws {InvalidOptionsError} A line for each option that is not as expected. */
export function parseSqliteOptions(options: SqliteOptions): SqliteSettings {
  return parseOptions('sqliteBackend', schema, options);
}
