import { type Logger, pino } from 'pino';
import type { ChangeEvent, ServiceReport } from '../../service/index.ts';

export type Log = Logger;

/**
 * JSON lines on the standard output; times are ISO 8601. Written by Node's own stream: pino's, once nobody reads any more, may keep the
 * process from ending. Nobody reading is no reason to end.
 */
export function openLog(): Log {
  process.stdout.on('error', () => {});
  const options = {
    base: { pid: process.pid },
    formatters: { level: (level: string) => ({ level }) },
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  return pino(options, process.stdout);
}

const TROUBLE: readonly string[] = ['waiting_for_retry', 'error', 'blocked'];

/** A line for each thing that changed: with the task, and where it is a step's, the step and its attempt. */
export function logChange(log: Log, { subject: task, data }: ChangeEvent): void {
  const { name, changes } = data;
  for (const change of changes) {
    const { status } = change;
    // A step that runs again still knows why it failed before: that has been told.
    const error = TROUBLE.includes(status) ? change.error : undefined;
    const trouble = error && { error: { code: error.code, message: error.message } };
    const level = error ? 'warn' : status === 'pending' ? 'debug' : 'info';
    if ('step' in change) {
      const { step, attempts: attempt } = change;
      const again = status === 'waiting_for_retry' && { retry_in_ms: change.error?.delay };
      log[level](
        { task, name, step, attempt, status, ...trouble, ...again },
        `${name} ${task}: ${step} ${status}`,
      );
    } else {
      log[level]({ task, name, status, ...trouble }, `${name} ${task} ${status}`);
    }
  }
}

/** What went wrong without stopping the service. */
export function logReport(log: Log, report: ServiceReport): void {
  const { type, ...rest } = report;
  const { id: task, error, problem } = rest as { id?: string; error?: unknown; problem?: unknown };
  log.error({ report: type, task, err: error, problem }, task === undefined ? type : `${type} of ${task}`);
}
