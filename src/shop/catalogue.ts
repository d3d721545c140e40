import pMap from 'p-map';
import type { CataloguePage, Product } from '../../machines/order/index.ts';
import { PermanentError, RetryableError } from '../../machines/step/index.ts';

/**
 * Reads a catalogue page by page, from a server that may change or lie meanwhile.
 *
 * Invariants:
 * - C1. Pages are as far apart as the first one is long: a server may give fewer products than it is asked for.
 * - C2. A `total` that agrees with what was read is believed. One that is too high ends at the first empty page, one
 *   that is too low at the first that is not full, or brings nothing new.
 * - C3. It comes to an end: after `maxProducts` at the latest.
 * - C4. It gives each product once, from pages that agree with each other; else it has changed, and is to be read again.
 * - C5. What fails one request ends the others.
 */
export interface CataloguePaging {
  /** How many pages are asked for at the same time, after the first. */
  readonly concurrency: number;
  readonly maxProducts: number;
  readonly signal: AbortSignal;
}

export async function readCatalogue(
  ask: (skip: number, signal: AbortSignal) => Promise<CataloguePage>,
  { concurrency, maxProducts, signal }: CataloguePaging,
): Promise<Product[]> {
  const reading = new AbortController();
  const both = AbortSignal.any([signal, reading.signal]);
  try {
    const first = await ask(0, both);
    const step = first.products.length;
    const read = new PagesRead(first, maxProducts);

    function* skips() {
      for (let skip = step; skip < first.total && !read.hasEmptyPage; skip += step) yield skip;
    }
    await pMap(skips(), async (skip) => read.add(skip, await ask(skip, both)), { concurrency, signal: both });

    for (let skip = read.end; read.goesOn; skip += step) {
      const page = await ask(skip, both);
      if (!read.bringsNew(page)) break;
      read.add(skip, page);
    }
    return read.products;
  } finally {
    reading.abort();
  }
}

/** The pages so far, in whatever order they came. */
class PagesRead {
  readonly #bySkip = new Map<number, readonly Product[]>();
  readonly #ids = new Set<number>();
  readonly #total: number;
  readonly #step: number;
  readonly #maxProducts: number;
  #count = 0;
  #firstShort = Number.POSITIVE_INFINITY;
  #lastFilled = 0;
  hasEmptyPage = false;

  constructor(first: CataloguePage, maxProducts: number) {
    this.#total = first.total;
    this.#step = first.products.length;
    this.#maxProducts = maxProducts;
    this.add(0, first);
  }

  /** @throws {RetryableError} The catalogue has changed. @throws {PermanentError} It is too large. */
  add(skip: number, { products, total }: CataloguePage): void {
    this.#bySkip.set(skip, products);
    this.#count += products.length;
    for (const { id } of products) this.#ids.add(id);
    if (products.length === 0) this.hasEmptyPage = true;
    else this.#lastFilled = Math.max(this.#lastFilled, skip);
    if (products.length < this.#step) this.#firstShort = Math.min(this.#firstShort, skip);

    // Wherever pages disagree, a product may have slipped from one to another unseen.
    if (total !== this.#total || this.#ids.size < this.#count || this.#firstShort < this.#lastFilled) {
      throw new RetryableError('The catalogue changed while it was read.', { code: 'catalogue_changed' });
    }
    if (this.#count > this.#maxProducts) {
      throw new PermanentError(
        `The catalogue has more products than maxProducts allows (${this.#maxProducts}); the shop says ${this.#total}.`,
        { code: 'catalogue_too_large' },
      );
    }
  }

  /** Behind the last page. */
  get end(): number {
    return this.#bySkip.size * this.#step;
  }

  /** There are more than the total says, and no end is in sight. */
  get goesOn(): boolean {
    return this.#count > this.#total && this.#firstShort === Number.POSITIVE_INFINITY;
  }

  bringsNew({ products }: CataloguePage): boolean {
    return products.some(({ id }) => !this.#ids.has(id));
  }

  get products(): Product[] {
    return [...this.#bySkip].toSorted(([a], [b]) => a - b).flatMap(([, products]) => products);
  }
}
