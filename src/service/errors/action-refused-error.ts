/** The task does not take this now: as it stands, nothing would come of it. */
export class ActionRefusedError extends Error {
  override readonly name = 'ActionRefusedError';
  readonly id: string;
  /** The type of what was asked: `task.pause`, `order.approved`. */
  readonly action: string;

  /** @param reason For a person, as the end of a sentence: `it has ended: complete`. */
  constructor(id: string, action: string, reason: string) {
    super(`Task "${id}" does not take "${action}": ${reason}.`);
    this.id = id;
    this.action = action;
  }
}
