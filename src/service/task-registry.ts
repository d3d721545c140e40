import { RequestError } from '../../machines/task/index.ts';
import type { RunnableTask } from './options.ts';

/** The tasks that a service can run, by name and version. */
export class TaskRegistry {
  readonly #byName: ReadonlyMap<string, readonly RunnableTask[]>;

  constructor(tasks: readonly RunnableTask[]) {
    this.#byName = Map.groupBy(tasks, ({ name }) => name);
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** @throws {RequestError} There is no task of that name in that version. */
  exactly(name: string, version: string): RunnableTask {
    const newest = this.find(name);
    const versions = this.#byName.get(name) ?? [];
    const task = versions.find((each) => each.version === version);
    if (task) return task;
    const known = versions.map((each) => `"${each.version}"`).join(', ');
    throw new RequestError(newest.name, [
      { path: 'event.version', message: `no version of "${name}" is "${version}"; there is ${known}` },
    ]);
  }

  /**
   * The task of a name.
   *
   * @param version The one that it was asked for with. @default the newest, which also stands for one that is not here any more
   * @throws {RequestError} There is none of that name.
   */
  find(name: string, version?: string): RunnableTask {
    const versions = this.#byName.get(name);
    const task = versions?.find((each) => each.version === version) ?? versions?.at(-1);
    if (task) return task;
    const known = this.names.map((each) => `"${each}"`).join(', ');
    throw new RequestError(name, [
      { path: 'name', message: `no task is named "${name}"; there is ${known}` },
    ]);
  }
}
