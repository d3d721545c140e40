/**
 * A queue that is read by index and drops from its front in amortised constant time; `Array.shift` moves every
 * item of a large array.
 */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item that many places behind the front. */
  at(index: number): T | undefined {
    return index < 0 ? undefined : this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head++;
    if (this.#head >= 32 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** The index of the first item that comes after, in a sequence ordered by it; its length if there is none. */
export function firstIndex<T>(
  items: { readonly length: number; at(index: number): T | undefined },
  comesAfter: (item: T) => boolean,
): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items.at(middle);
    if (item !== undefined && !comesAfter(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
