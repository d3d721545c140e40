import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Cart,
  PRODUCT_ISSUES,
  type Product,
  type ValidatedCart,
  validateProducts,
} from '../../../machines/order/index.ts';
import { cart, product } from './fixtures.ts';

const issuesOf = (asked: Cart, catalogue: readonly Product[]) => {
  const found = validateProducts(asked, catalogue);
  return 'issues' in found ? found.issues : [];
};
const outputOf = (asked: Cart, catalogue: readonly Product[]): ValidatedCart | undefined => {
  const found = validateProducts(asked, catalogue);
  return 'output' in found ? found.output : undefined;
};

describe('each reason to refuse a cart', () => {
  test('cart_is_empty: there is no line', () => {
    expect(validateProducts(cart(), [product()])).toEqual({
      issues: [{ code: 'cart_is_empty', message: 'cart 7 is empty' }],
    });
  });

  test.each([0, -1, 1.5, 2 ** 53, 1e300, Number.POSITIVE_INFINITY, Number.NaN])(
    'quantity_is_invalid: %d is not a positive whole number',
    (quantity) => {
      expect(issuesOf(cart({ quantity }), [product()])).toEqual([
        {
          code: 'quantity_is_invalid',
          line: 1,
          message: `quantity ${quantity} of product 1 is not a positive whole number`,
        },
      ]);
    },
  );

  test('product_is_unknown: the catalogue does not have it', () => {
    expect(issuesOf(cart({ id: 1 }, { id: 9 }), [product()])).toEqual([
      { code: 'product_is_unknown', line: 2, message: 'product 9 is not in the catalogue' },
    ]);
  });

  test('product_is_unavailable: it is Out of Stock, whatever its stock says', () => {
    expect(issuesOf(cart({}), [product({ availabilityStatus: 'Out of Stock', stock: 5 })])).toEqual([
      { code: 'product_is_unavailable', line: 1, message: 'product 1 is out of stock' },
    ]);
  });

  test.each([
    ['In Stock', 3, 4],
    ['Low Stock', 1, 2],
    ['In Stock', 0, 1],
    ['In Stock', -5, 1],
  ])('stock_is_short: %s, %d of %d', (availabilityStatus, stock, quantity) => {
    expect(issuesOf(cart({ quantity }), [product({ availabilityStatus, stock })])).toEqual([
      { code: 'stock_is_short', line: 1, message: `product 1: ${stock} of ${quantity} in stock` },
    ]);
  });

  test('every code has a reason, in the order in which they are looked for', () => {
    expect(Object.keys(PRODUCT_ISSUES)).toEqual([
      'cart_is_empty',
      'quantity_is_invalid',
      'product_is_unknown',
      'product_is_unavailable',
      'stock_is_short',
    ]);
    for (const reason of Object.values(PRODUCT_ISSUES)) expect(reason).toMatch(/^[A-Z].*\.$/);
  });
});

describe('lines of one product are added up', () => {
  const ask = (stock: number, ...quantities: readonly number[]) =>
    issuesOf(cart(...quantities.map((quantity) => ({ quantity }))), [product({ stock })]);

  test('they may take all there is', () => {
    expect(ask(6, 1, 2, 3)).toEqual([]);
  });

  test('the first line at which they exceed the stock is named, with all that is asked for', () => {
    expect(ask(5, 1, 2, 3, 1, 9)).toEqual([
      { code: 'stock_is_short', line: 3, message: 'product 1: 5 of 16 in stock' },
    ]);
  });

  test('there is one issue a product, wherever its lines are', () => {
    const catalogue = [product({ id: 1, stock: 1 }), product({ id: 2, stock: 3 })];
    const asked = cart({ id: 1 }, { id: 2, quantity: 2 }, { id: 1 }, { id: 2, quantity: 2 }, { id: 1 });
    expect(issuesOf(asked, catalogue)).toEqual([
      { code: 'stock_is_short', line: 3, message: 'product 1: 1 of 3 in stock' },
      { code: 'stock_is_short', line: 4, message: 'product 2: 3 of 4 in stock' },
    ]);
  });

  test('a quantity that is none is not added', () => {
    expect(ask(5, 2, -3, 1.5, 3).map(({ code, line }) => [code, line])).toEqual([
      ['quantity_is_invalid', 2],
      ['quantity_is_invalid', 3],
    ]);
  });

  test('quantities beyond what numbers hold exactly are short of any stock', () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(ask(most, most)).toEqual([]);
    expect(ask(most, most, 1).map(({ line }) => line)).toEqual([2]);
  });
});

test('every failing line is named, in the order of the lines, each by the first code that applies', () => {
  const catalogue = [
    product({ id: 1, stock: 2 }),
    product({ id: 2, availabilityStatus: 'Out of Stock', stock: 0 }),
    product({ id: 3 }),
  ];
  const asked = cart(
    { id: 9, quantity: 0 },
    { id: 3 },
    { id: 1, quantity: 3 },
    { id: 2, quantity: 5 },
    { id: 2, quantity: -1 },
    { id: 9 },
    { id: 3, quantity: 101 },
  );
  expect(issuesOf(asked, catalogue).map(({ line, code }) => [line, code])).toEqual([
    [1, 'quantity_is_invalid'],
    [3, 'stock_is_short'],
    [4, 'product_is_unavailable'],
    [5, 'quantity_is_invalid'],
    [6, 'product_is_unknown'],
    [7, 'stock_is_short'],
  ]);
});

test('a cart that can be ordered: its lines with their products, at the catalogue’s price', () => {
  const catalogue = [product({ id: 2, price: 5, brand: 'Unknown to us' }), product({ id: 1 })];
  const asked = cart(
    { id: 2, quantity: 3, price: 4, discountPercentage: 12.5 },
    { id: 1 },
    { id: 2, discountPercentage: 1 },
  );
  expect(validateProducts(asked, catalogue)).toEqual({
    output: {
      cart_id: 7,
      user_id: 70,
      lines: [
        { product: catalogue[0], quantity: 3, discount_percentage: 12.5 },
        { product: catalogue[1], quantity: 1, discount_percentage: 0 },
        { product: catalogue[0], quantity: 1, discount_percentage: 1 },
      ],
    },
  });
});

describe('any cart', () => {
  const products = fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: 6 }),
      stock: fc.integer({ min: -2, max: 12 }),
      availabilityStatus: fc.constantFrom('In Stock', 'Low Stock', 'Out of Stock'),
    }),
    { selector: ({ id }) => id },
  );
  const lines = fc.array(
    fc.record({
      id: fc.integer({ min: 1, max: 7 }),
      quantity: fc.oneof(
        { arbitrary: fc.integer({ min: 1, max: 6 }), weight: 8 },
        fc.constantFrom(0, -2, 0.5, Number.NaN),
      ),
      discountPercentage: fc.integer({ min: 0, max: 100 }),
    }),
    { minLength: 1, maxLength: 10 },
  );

  /** The issues by the rules, computed line by line and without what the check keeps. */
  function expectedOf(asked: Cart, catalogue: readonly Product[]): [number, string][] {
    return asked.products.flatMap(({ id, quantity }, index): [number, string][] => {
      const found = catalogue.find((each) => each.id === id);
      const issue = (code: string): [number, string][] => [[index + 1, code]];
      if (!Number.isInteger(quantity) || quantity < 1) return issue('quantity_is_invalid');
      if (!found) return issue('product_is_unknown');
      if (found.availabilityStatus === 'Out of Stock') return issue('product_is_unavailable');
      const upTo = (end: number) =>
        asked.products
          .slice(0, end)
          .filter((other) => other.id === id && Number.isInteger(other.quantity) && other.quantity > 0)
          .reduce((sum, other) => sum + other.quantity, 0);
      const before = upTo(index);
      const named = before > 0 && before > found.stock;
      return !named && upTo(index + 1) > found.stock ? issue('stock_is_short') : [];
    });
  }

  test('has each of its lines valid, or the cart refused with the line’s product named', () => {
    fc.assert(
      fc.property(products, lines, (catalogueRows, cartRows) => {
        const catalogue = catalogueRows.map(product);
        const asked = cart(...cartRows);
        const expected = expectedOf(asked, catalogue);
        expect(issuesOf(asked, catalogue).map(({ line, code }) => [line, code])).toEqual(expected);
        expect(outputOf(asked, catalogue) === undefined).toBe(expected.length > 0);
      }),
      { numRuns: 1_000 },
    );
  });

  test('that can be ordered keeps its lines: their order, products, quantities and discounts', () => {
    const plenty = [1, 2, 3, 4, 5, 6, 7].map((id) => product({ id, stock: 1_000, price: id }));
    const orderable = lines.map((rows) => rows.map((row) => ({ ...row, quantity: Math.max(1, row.id) })));
    fc.assert(
      fc.property(orderable, (rows) => {
        const made = outputOf(cart(...rows), plenty)?.lines;
        expect(
          made?.map((each) => ({
            id: each.product.id,
            quantity: each.quantity,
            discountPercentage: each.discount_percentage,
          })),
        ).toEqual(rows);
      }),
    );
  });

  test('is left as it was', () => {
    const asked = cart({ quantity: 3 }, { quantity: 200 });
    const catalogue = [product()];
    const before = structuredClone({ asked, catalogue });
    validateProducts(asked, catalogue);
    expect({ asked, catalogue }).toEqual(before);
  });
});
