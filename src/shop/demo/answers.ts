import { findCart, listedCarts } from './carts.ts';
import { catalogue, findProduct } from './catalogue.ts';
import type { Rows } from './faults.ts';
import { parseId, parsePage } from './requests.ts';

/**
 * What the demo shop has to say, before anything befalls it. Pure.
 *
 * - A right answer's body is JSON text, put together from rows that were turned into text once.
 */

export interface Answer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** Of an answer that is a page. */
  readonly rows?: Rows;
}

const productTexts = catalogue.map((product) => JSON.stringify(product));
const cartTexts = listedCarts.map((cart) => JSON.stringify(cart));

export function answerProducts(query: unknown): Answer {
  return answerPage('products', productTexts, query);
}

export function answerCarts(query: unknown): Answer {
  return answerPage('carts', cartTexts, query);
}

export function answerProduct(id: unknown): Answer {
  const number = parseId(id);
  const text = findProduct(number) && productTexts[number - 1];
  return text === undefined ? notFound('Product', number) : { status: 200, body: text };
}

export function answerCart(id: unknown): Answer {
  const number = parseId(id);
  const found = findCart(number);
  switch (found.served) {
    case 'whole':
    case 'misshapen':
      return { status: 200, body: JSON.stringify(found.cart) };
    case 'unavailable':
      return { status: 503, body: message(`Cart with id '${number}' cannot be reached just now`) };
    case 'missing':
      return notFound('Cart', number);
    default:
      return found satisfies never;
  }
}

/** The body of every answer that is not what was asked for. */
export function message(text: string): string {
  return JSON.stringify({ message: text });
}

function notFound(what: string, id: number): Answer {
  return { status: 404, body: message(`${what} with id '${id}' not found`) };
}

/** `limit` in the answer is the number of rows that are there, as at dummyjson.com. */
function answerPage(name: string, texts: readonly string[], query: unknown): Answer {
  const rows = parsePage(query, texts.length);
  const found = texts.slice(rows.from, rows.to);
  const counts = `"total":${rows.total},"skip":${rows.from},"limit":${found.length}`;
  return { status: 200, body: `{"${name}":[${found.join(',')}],${counts}}`, rows };
}
