/** There is no task of this id, or no more: it ended longer ago than its journal is kept. */
export class TaskNotFoundError extends Error {
  override readonly name = 'TaskNotFoundError';
  readonly id: string;

  constructor(id: string) {
    super(`There is no task "${id}".`);
    this.id = id;
  }
}
