/** Another request stands under this id. Nothing was started. */
export class TaskConflictError extends Error {
  override readonly name = 'TaskConflictError';
  readonly id: string;

  constructor(id: string) {
    super(`Task "${id}" was asked for before with another request. Give this one an id of its own.`);
    this.id = id;
  }
}
