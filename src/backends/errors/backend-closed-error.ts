/** The backend was asked after its `close()`. A mistake of the program: stop asking, or open another. */
export class BackendClosedError extends Error {
  override readonly name = 'BackendClosedError';

  /** @param backend Its name: `memory`. @param call What was asked: `inbox.submit`. */
  constructor(backend: string, call: string) {
    super(`${call} was called on the ${backend} backend after close(). Open another backend.`);
  }
}
