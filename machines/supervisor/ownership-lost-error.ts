/**
 * Another process runs the task now. This one stops at once: it acknowledges nothing and hands nothing back, since the
 * message is the other's, and keeps nothing.
 */
export class OwnershipLostError extends Error {
  override readonly name = 'OwnershipLostError';
  readonly id: string;

  /** @param id The task's. @param options The evidence. */
  constructor(id: string, options: { readonly cause: unknown }) {
    super(
      `Task "${id}" is run by another process now; what this one did of it since is not recorded.`,
      options,
    );
    this.id = id;
  }
}
