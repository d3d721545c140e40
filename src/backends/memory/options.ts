import {
  type CommonOptions,
  type CommonSettings,
  commonFields,
  optionsSchema,
  parseOptions,
} from '../options.ts';

/** Options of {@link memoryBackend}. */
export interface MemoryOptions extends CommonOptions {}

/** {@link MemoryOptions}, parsed and complete. */
export interface MemorySettings extends CommonSettings {}

const schema = optionsSchema(commonFields);

/** @throws {InvalidOptionsError} A line for each option that is not as expected. */
export function parseMemoryOptions(options: MemoryOptions): MemorySettings {
  return parseOptions('memoryBackend', schema, options);
}
