import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { issuesOf } from '../../../machines/issue.ts';
import { assertJson } from '../../../machines/json.ts';
import { cartSchema, cataloguePageSchema, productSchema } from '../../../machines/order/index.ts';

const wholeCart = {
  id: 1,
  products: [
    {
      id: 4,
      title: 'Lip balm',
      price: 12.99,
      quantity: 2,
      total: 25.98,
      discountPercentage: 14.12,
      discountedTotal: 22.31,
      thumbnail: 'https://shop.example/4.webp',
    },
  ],
  total: 25.98,
  discountedTotal: 22.31,
  userId: 102,
  totalProducts: 1,
  totalQuantity: 2,
};
const wholeProduct = { id: 4, title: 'Lip balm', price: 12.99, stock: 5, availabilityStatus: 'Low Stock' };

/** The paths at which data is refused. */
function refused(schema: z.ZodType, data: unknown): string[] {
  const parsed = schema.safeParse(data, { reportInput: true });
  return parsed.success ? [] : issuesOf(parsed.error.issues).map(({ path }) => path);
}

describe('what the shop says is taken', () => {
  test('as it is, fields unknown to us included', () => {
    expect(cartSchema.parse(wholeCart)).toEqual(wholeCart);
    const more = { ...wholeProduct, brand: 'B', reviews: [{ rating: 5 }], meta: null };
    expect(productSchema.parse(more)).toEqual(more);
    const page = { products: [more], total: 1, skip: 0, limit: 30 };
    expect(cataloguePageSchema.parse(page)).toEqual(page);
  });

  test('with numbers for what was sent as text', () => {
    const line = { id: '4', quantity: ' 2 ', price: '12.99', discountPercentage: '14.12' };
    expect(cartSchema.parse({ id: '1', userId: '102', products: [line] })).toEqual({
      id: 1,
      userId: 102,
      products: [{ id: 4, title: '', quantity: 2, price: 12.99, discountPercentage: 14.12 }],
    });
    expect(productSchema.parse({ id: '4', price: '0.10', stock: '+5' })).toMatchObject({
      id: 4,
      price: 0.1,
      stock: 5,
    });
    expect(cataloguePageSchema.parse({ products: [], total: '72' }).total).toBe(72);
  });

  test('with defaults for what is optional', () => {
    const cart = cartSchema.parse({ id: 1, userId: 2, products: [{ id: 4, quantity: 1 }] });
    expect(cart.products).toEqual([{ id: 4, title: '', quantity: 1, discountPercentage: 0 }]);
    expect(productSchema.parse({ id: 4, price: 1 })).toEqual({
      id: 4,
      price: 1,
      title: '',
      stock: 0,
      availabilityStatus: 'In Stock',
    });
  });

  test('with any quantity that is a number: whether it can be sold is for the check to say', () => {
    for (const quantity of [0, -1, 1.5, '-3', 1e300]) {
      const cart = { ...wholeCart, products: [{ id: 1, quantity }] };
      expect(cartSchema.parse(cart).products[0]?.quantity).toBe(Number(quantity));
    }
  });
});

describe('what it says wrongly is refused, by path', () => {
  const rubbish = [
    null,
    '',
    ' ',
    true,
    false,
    [],
    [1],
    {},
    'ten',
    '1e3',
    '0x10',
    '1,5',
    '1.',
    'NaN',
    'Infinity',
  ];

  test.each(rubbish)('%j is no number', (wrong) => {
    expect(refused(cartSchema, { ...wholeCart, id: wrong })).toEqual(['id']);
    expect(refused(cartSchema, { ...wholeCart, userId: wrong })).toEqual(['userId']);
    for (const field of ['id', 'quantity', 'price', 'discountPercentage']) {
      const line = { ...wholeCart.products[0], [field]: wrong };
      expect(refused(cartSchema, { ...wholeCart, products: [wholeCart.products[0], line] })).toEqual([
        `products[1].${field}`,
      ]);
    }
    for (const field of ['id', 'price', 'stock']) {
      expect(refused(productSchema, { ...wholeProduct, [field]: wrong })).toEqual([field]);
    }
    expect(refused(cataloguePageSchema, { products: [], total: wrong })).toEqual(['total']);
  });

  test('a text of more digits than a number holds is none', () => {
    const digits = '9'.repeat(400);
    expect(refused(cartSchema, { ...wholeCart, products: [{ id: 1, quantity: digits }] })).toEqual([
      'products[0].quantity',
    ]);
  });

  test.each<[z.ZodType, object, string]>([
    [cartSchema, { id: 1.5 }, 'id'],
    [cartSchema, { id: 2 ** 53 }, 'id'],
    [cartSchema, { products: 'see the other cart' }, 'products'],
    [cartSchema, { products: null }, 'products'],
    [cartSchema, { products: [null] }, 'products[0]'],
    [
      cartSchema,
      { products: [{ id: 1, quantity: 1, discountPercentage: 100.01 }] },
      'products[0].discountPercentage',
    ],
    [
      cartSchema,
      { products: [{ id: 1, quantity: 1, discountPercentage: -1 }] },
      'products[0].discountPercentage',
    ],
    [cartSchema, { products: [{ id: 1, quantity: 1, title: null }] }, 'products[0].title'],
    [productSchema, { price: -0.01 }, 'price'],
    [productSchema, { price: 1_000_000_000.01 }, 'price'],
    [productSchema, { stock: 1.5 }, 'stock'],
    [productSchema, { availabilityStatus: 1 }, 'availabilityStatus'],
  ])('%#: of %j %s', (schema, wrong, path) => {
    const whole = schema === cartSchema ? wholeCart : wholeProduct;
    expect(refused(schema, { ...whole, ...wrong })).toEqual([path]);
  });

  test('what is missing and required', () => {
    expect(refused(cartSchema, {})).toEqual(['id', 'products', 'userId']);
    expect(refused(cartSchema, { ...wholeCart, products: [{}] })).toEqual([
      'products[0].id',
      'products[0].quantity',
    ]);
    expect(refused(productSchema, {})).toEqual(['id', 'price']);
    expect(refused(cataloguePageSchema, {})).toEqual(['products', 'total']);
    expect(refused(cataloguePageSchema, { products: [], total: -1 })).toEqual(['total']);
  });
});

test('anything at all is taken or refused; what is taken survives JSON', () => {
  const field = fc.oneof(fc.jsonValue(), fc.double(), fc.integer(), fc.integer().map(String));
  const something = fc.oneof(
    fc.jsonValue(),
    fc.record({
      id: field,
      userId: field,
      products: fc.array(fc.record({ id: field, quantity: field, price: field })),
    }),
  );
  fc.assert(
    fc.property(something, (data) => {
      const parsed = cartSchema.safeParse(data);
      if (parsed.success) assertJson(parsed.data, 'cart');
    }),
    { numRuns: 1_000 },
  );
});
