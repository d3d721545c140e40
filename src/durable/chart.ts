import type { AnyStateMachine } from 'xstate';
import type { Json } from '../../machines/json.ts';
import { enter } from './border.ts';
import type { Began } from './entry.ts';
import type { ChartName } from './errors/mismatch-error.ts';
import { shortHash } from './note.ts';

const hashes = new WeakMap<object, string>();

/** Which chart it is, for a person and for a worker that asks whether it has seen it before. */
export function chartOf(machine: AnyStateMachine): ChartName {
  return { machine: machine.id, version: machine.version, hash: chartHash(machine) };
}

/**
 * A hash of a machine's chart: the same for the same diagram, whatever fills it in. It says that charts differ, not that
 * they are the same: functions count by their names.
 */
export function chartHash(machine: AnyStateMachine): string {
  // Shared by all that `provide` makes of a machine, which each task does.
  const { config } = machine;
  let hash = hashes.get(config);
  if (hash === undefined) {
    hash = shortHash(textOf(config));
    hashes.set(config, hash);
  }
  return hash;
}

function textOf(config: object): string {
  try {
    return JSON.stringify(config, (_, value: unknown) =>
      typeof value === 'function' ? `[${value.name}]` : typeof value === 'bigint' ? String(value) : value,
    );
  } catch {
    // A chart that holds a live thing somewhere; then only its id and version tell.
    return 'unreadable';
  }
}

/**
 * The entry with which a fold begins: the first of a journal, or, behind others, a new beginning with what input says,
 * such as the results that are to be kept. What stands before it is passed over from then on.
 *
 * @param began.meta Whatever is to be kept with it: a request.
 * @param began.at ms since the epoch.
 * @throws {NotJsonError} `input` or `meta` does not survive JSON.
 */
export function beginEntry(
  machine: AnyStateMachine,
  began: { readonly at: number; readonly input?: unknown; readonly meta?: Json | undefined },
): Began {
  const { hash, version } = chartOf(machine);
  const input = enter(began.input, 'input');
  const meta = enter(began.meta, 'meta');
  return {
    type: 'began',
    at: began.at,
    machine: machine.id,
    ...(version !== undefined && { version }),
    chart: hash,
    ...(input !== undefined && { input }),
    ...(meta !== undefined && { meta }),
  };
}
