/**
 * Whether something pure gave a promise, which nobody will wait for. Its rejection is taken from it, as one that
 * nobody hears ends the process.
 */
export function isStrayPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value)) return false;
  const { then } = value;
  if (typeof then !== 'function') return false;
  const ignore = () => {};
  then.call(value, ignore, ignore);
  return true;
}
