export { InvalidOptionsError } from '../backends/index.ts';
export { type ChangeEvent, changeEventSchema, changeSubject } from './change-event.ts';
export { TaskConflictError } from './errors/task-conflict-error.ts';
export { TaskNotFoundError } from './errors/task-not-found-error.ts';
export type { RunnableTask, ServiceOptions, ServiceReport, Surroundings } from './options.ts';
export { type Service, startService } from './service.ts';
export { onStopSignal } from './signals.ts';
export type { RestartOptions, TaskHandle, TaskResult } from './task-handle.ts';
export { emptyView, type StepView, type TaskView, withChanges } from './task-view.ts';
