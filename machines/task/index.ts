export { defineTask, type TaskBuilder, taskFromData } from './define.ts';
export {
  type AnyTaskDefinition,
  type ProvideOptions,
  type StepSummary,
  TaskDefinition,
  type TaskMachine,
} from './definition.ts';
export { DefinitionError } from './definition-error.ts';
export { nameSchema, taskIdSchema } from './names.ts';
export {
  type Change,
  changesBetween,
  reportOf,
  type StepChange,
  type StepReport,
  type TaskChange,
  type TaskReport,
  type TaskSnapshot,
} from './report.ts';
export { parseRequest, type TaskRequest, type TaskRequestInput, taskRequestSchema } from './request.ts';
export { RequestError } from './request-error.ts';
