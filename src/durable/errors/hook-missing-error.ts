/** XState does not call what durability rests on: this release of it is another than the one built for. */
export class HookMissingError extends Error {
  override readonly name = 'HookMissingError';
  readonly hooks: readonly string[];

  constructor(hooks: readonly string[]) {
    super(
      `This release of XState does not call ${hooks.join(', ')}, on which durable actors rest: they would run ` +
        'undurably, so they do not run. Install xstate ~5.33.3.',
    );
    this.hooks = hooks;
  }
}
