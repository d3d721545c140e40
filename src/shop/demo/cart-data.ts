/**
 * The demo shop's carts and what should become of an order for each.
 *
 * - The expectations are written down, not computed; a test compares them with sums of its own.
 * - A line's amount is rounded half up to cents, a total is the sum of its lines; the catalogue's price counts.
 * - Issues stand in the order of the lines; a line has at most one, the first that applies of those in
 *   `IssueCode`; `stock_is_short` stands at the line that first takes a product's summed quantity over its stock.
 */

/** Why an order for a cart is refused, in the order in which the check looks. */
export type IssueCode =
  | 'cart_is_empty'
  | 'quantity_is_invalid'
  | 'product_is_unknown'
  | 'product_is_unavailable'
  | 'stock_is_short';

/** What should become of an order for a cart, in the words of the task's status and its error's code. */
export type DemoExpectation =
  | { readonly status: 'complete'; readonly total: number; readonly discounted_total: number }
  | { readonly status: 'error'; readonly code: 'rejected'; readonly issues: readonly IssueCode[] }
  | { readonly status: 'error'; readonly code: 'http_404' | 'http_503' | 'invalid_data' };

/** `price` where the cart's differs from the catalogue's, or the catalogue has none. */
export type CartLineRow = readonly [product: number, quantity: number, discount: number, price?: number];

export interface CartRow {
  readonly id: number;
  readonly title: string;
  readonly lines: readonly CartLineRow[];
  /** How the shop answers for it. @default 'whole' */
  readonly served?: 'whole' | 'misshapen' | 'unavailable' | 'missing';
  readonly expect: DemoExpectation;
}

export const cartRows: readonly CartRow[] = [
  {
    id: 1,
    title: 'One line',
    lines: [[1, 1, 10]],
    expect: complete(24.5, 22.05),
  },
  {
    id: 2,
    title: 'Two lines, both discounted',
    lines: [
      [4, 2, 14.12],
      [6, 3, 5.39],
    ],
    expect: complete(175.95, 164.2),
  },
  {
    id: 3,
    title: 'Twelve lines',
    lines: [
      [1, 2, 4.5],
      [11, 6, 0],
      [23, 1, 12.25],
      [26, 2, 3.3],
      [32, 4, 8.75],
      [36, 1, 15],
      [42, 6, 2.99],
      [48, 3, 1.11],
      [50, 2, 7.07],
      [56, 5, 19.99],
      [61, 2, 0.5],
      [69, 9, 33.33],
    ],
    expect: complete(442.7, 399.3),
  },
  {
    id: 4,
    title: 'The same product twice',
    lines: [
      [5, 2, 0],
      [44, 1, 6.6],
      [5, 3, 20],
    ],
    expect: complete(69.9, 63.56),
  },
  {
    id: 5,
    title: 'Only products without a brand',
    lines: [
      [13, 3, 2.5],
      [21, 2, 11.1],
      [66, 1, 9.05],
    ],
    expect: complete(43.1, 39.59),
  },
  {
    id: 6,
    title: 'No discount',
    lines: [
      [34, 1, 0],
      [49, 2, 0],
    ],
    expect: complete(120.7, 120.7),
  },
  {
    id: 7,
    title: 'Everything given away',
    lines: [
      [30, 2, 100],
      [58, 1, 100],
    ],
    expect: complete(13.25, 0),
  },
  {
    // Product 72 has a stock of 2.
    id: 8,
    title: 'The whole stock',
    lines: [[72, 2, 17.5]],
    expect: complete(2499.98, 2062.48),
  },
  {
    // Product 12 has a stock of 5.
    id: 9,
    title: 'The whole stock in two lines',
    lines: [
      [12, 3, 5],
      [12, 2, 0],
    ],
    expect: complete(13, 12.61),
  },
  {
    // 1.275, 2.125 and 0.125: half a cent. Floating point takes the first for less, half-to-even cuts the others.
    id: 10,
    title: 'Half a cent, rounded up',
    lines: [
      [8, 1, 15],
      [9, 1, 50],
      [16, 1, 50],
    ],
    expect: complete(6, 3.54),
  },
  {
    // Three lines of 1.275 are 3.84; rounded only as a sum they would be 3.83.
    id: 11,
    title: 'Rounded line by line',
    lines: [
      [8, 1, 15],
      [8, 1, 15],
      [8, 1, 15],
    ],
    expect: complete(4.5, 3.84),
  },
  {
    // The catalogue has 31.25 and 8.9.
    id: 12,
    title: 'Prices that have changed since',
    lines: [
      [49, 1, 10, 29.95],
      [50, 2, 0, 9.4],
    ],
    expect: complete(49.05, 45.93),
  },
  {
    id: 13,
    title: 'Low in stock, but enough',
    lines: [
      [10, 7, 3.75],
      [57, 1, 0],
    ],
    expect: complete(64.25, 62.73),
  },
  {
    id: 14,
    title: 'Products from every page',
    lines: [
      [70, 1, 1.5],
      [1, 1, 2.5],
      [45, 1, 3.5],
      [30, 1, 4.5],
      [31, 1, 5.5],
      [60, 1, 6.5],
    ],
    expect: complete(226.6, 216.53),
  },
  { id: 15, title: 'Empty', lines: [], expect: rejected('cart_is_empty') },
  {
    id: 16,
    title: 'A product nobody knows',
    lines: [
      [2, 1, 0],
      [5_000, 1, 0, 9.99],
    ],
    expect: rejected('product_is_unknown'),
  },
  { id: 17, title: 'Out of stock', lines: [[7, 1, 0]], expect: rejected('product_is_unavailable') },
  {
    // Product 33 has a stock of 25 and is out of stock all the same.
    id: 18,
    title: 'Withheld, with stock left',
    lines: [[33, 1, 12]],
    expect: rejected('product_is_unavailable'),
  },
  { id: 19, title: 'More than there is', lines: [[72, 3, 0]], expect: rejected('stock_is_short') },
  {
    // Product 10 has a stock of 7.
    id: 20,
    title: 'More than there is, in two lines',
    lines: [
      [10, 4, 0],
      [28, 1, 0],
      [10, 4, 0],
    ],
    expect: rejected('stock_is_short'),
  },
  {
    id: 21,
    title: 'More than there is from the second of three lines on',
    lines: [
      [10, 4, 0],
      [10, 4, 0],
      [10, 4, 0],
    ],
    expect: rejected('stock_is_short'),
  },
  { id: 22, title: 'None of it', lines: [[4, 0, 0]], expect: rejected('quantity_is_invalid') },
  { id: 23, title: 'Less than none', lines: [[4, -1, 0]], expect: rejected('quantity_is_invalid') },
  { id: 24, title: 'One and a half', lines: [[4, 1.5, 0]], expect: rejected('quantity_is_invalid') },
  {
    id: 25,
    title: 'Four things wrong',
    lines: [
      [5_000, 2, 0, 9.99],
      [42, 1, 0],
      [71, 4, 0],
      [39, 2.5, 0],
      [20, 1, 0],
    ],
    expect: rejected('product_is_unknown', 'stock_is_short', 'quantity_is_invalid', 'product_is_unavailable'),
  },
  {
    // Both lines have two faults; only the first that is looked for counts.
    id: 26,
    title: 'Two things wrong with a line',
    lines: [
      [5_001, 0, 0, 4.44],
      [7, 3, 0],
    ],
    expect: rejected('quantity_is_invalid', 'product_is_unavailable'),
  },
  {
    id: 27,
    title: 'A cart of the wrong shape',
    lines: [[4, 1, 0]],
    served: 'misshapen',
    expect: { status: 'error', code: 'invalid_data' },
  },
  {
    id: 28,
    title: 'A cart the shop never gets to',
    lines: [[4, 1, 0]],
    served: 'unavailable',
    expect: { status: 'error', code: 'http_503' },
  },
  {
    id: 999,
    title: 'A cart that is not there',
    lines: [],
    served: 'missing',
    expect: { status: 'error', code: 'http_404' },
  },
];

function complete(total: number, discounted_total: number): DemoExpectation {
  return { status: 'complete', total, discounted_total };
}

function rejected(...issues: IssueCode[]): DemoExpectation {
  return { status: 'error', code: 'rejected', issues };
}
