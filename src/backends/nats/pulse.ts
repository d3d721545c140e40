/**
 * Tells since when the event loop has surely been turning. What comes off a socket after the process stood still (a long
 * computation, SIGSTOP, a sleeping laptop) may have lain there all the while; its time runs from before that.
 *
 * Timers come before I/O in each turn of the loop, so the beat before the last one is before anything that I/O brings now was
 * on its way.
 */
export class Pulse {
  readonly #every: number;
  #beats: readonly [number, number];
  #timer: NodeJS.Timeout | undefined;

  /** @param every How often it beats, in ms. */
  constructor(every: number) {
    this.#every = every;
    this.#beats = [Date.now(), Date.now()];
  }

  /** In ms since the epoch. Of a pulse that does not beat: now. */
  get since(): number {
    return this.#timer ? this.#beats[0] : Date.now();
  }

  start(): void {
    if (this.#timer) return;
    this.#beats = [Date.now(), Date.now()];
    this.#timer = setInterval(() => {
      this.#beats = [this.#beats[1], Date.now()];
    }, this.#every);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
