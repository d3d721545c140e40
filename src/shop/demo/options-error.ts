/** An option of the demo shop that cannot be taken. Nothing was started: change it and start again. */
export class DemoShopOptionsError extends Error {
  override readonly name = 'DemoShopOptionsError';
  readonly option: string;
  readonly value: unknown;

  constructor(option: string, value: unknown, expected: string, cause?: unknown) {
    super(`${option} ${value === true ? 'has no value' : `is ${shown(value)}`}: expected ${expected}.`, {
      cause,
    });
    this.option = option;
    this.value = value;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
