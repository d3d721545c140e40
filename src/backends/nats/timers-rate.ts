/** So many a second and no more, each in its turn. */
export class RestoreRate {
  readonly #every: number;
  #next = 0;
  #isActive = false;
  readonly #waiting = new Map<NodeJS.Timeout, (isAllowed: boolean) => void>();

  constructor(perSecond: number) {
    this.#every = 1_000 / perSecond;
  }

  start(): void {
    this.#isActive = true;
  }

  /** Whoever waits is told that nothing is allowed any more. */
  stop(): void {
    this.#isActive = false;
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer);
      resolve(false);
    }
    this.#waiting.clear();
  }

  /** Resolves when it is the caller's turn. @returns Whether there are turns at all. */
  async turn(): Promise<boolean> {
    if (!this.#isActive) return false;
    const now = performance.now();
    // Timers tick in milliseconds: what may go within one goes at once.
    const at = Math.max(this.#next, now - 1);
    this.#next = at + this.#every;
    if (at <= now) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        resolve(true);
      }, at - now);
      this.#waiting.set(timer, resolve);
    });
  }
}
