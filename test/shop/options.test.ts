import { describe, expect, test } from 'vitest';
import { type ShopClientOptions, ShopClientOptionsError, shopClient } from '../../src/shop/index.ts';

const url = 'http://shop.example';

/** The error of options that cannot be taken. */
function refusal(options: unknown): ShopClientOptionsError {
  try {
    shopClient(options as ShopClientOptions);
  } catch (error) {
    if (error instanceof ShopClientOptionsError) return error;
    throw error;
  }
  throw new Error('The options were taken.');
}

describe('options that cannot be taken are refused by name, value and what was expected', () => {
  const HTTP = 'expected an http or https URL';
  const COUNT = 'expected a whole number of at least 1';
  const MS = 'expected a whole number of ms, from 1 to 2147483647';

  test.each<[object, string, string]>([
    [
      { url: 'ftp://shop.example' },
      'url',
      `${HTTP}, without a query or a fragment (it is "ftp://shop.example")`,
    ],
    [{ url: 'shop.example/api' }, 'url', `${HTTP}, without a query or a fragment (it is "shop.example/api")`],
    [{ url: '' }, 'url', `${HTTP}, without a query or a fragment (it is "")`],
    [
      { url: 'http://shop.example/?v=1' },
      'url',
      `${HTTP}, without a query or a fragment (it is "http://shop.example/?v=1")`,
    ],
    [{ url: 'http://shop.example/#top' }, 'url', expect.stringContaining('without a query or a fragment')],
    [{ url: 'http://a%zz@shop.example/' }, 'url', expect.stringContaining(HTTP)],
    [{ url: undefined }, 'url', HTTP],
    [{ url: 4500 }, 'url', `${HTTP} (it is 4500)`],
    [{ url, timeout: 0 }, 'timeout', `${MS} (it is 0)`],
    [{ url, timeout: 2 ** 31 }, 'timeout', `${MS} (it is 2147483648)`],
    [{ url, timeout: '10s' }, 'timeout', `${MS} (it is "10s")`],
    [{ url, timeout: Number.POSITIVE_INFINITY }, 'timeout', `${MS} (it is Infinity)`],
    [{ url, pageSize: 0 }, 'pageSize', `${COUNT} (it is 0)`],
    [{ url, concurrency: 1.5 }, 'concurrency', `${COUNT} (it is 1.5)`],
    [{ url, maxProducts: Number.NaN }, 'maxProducts', `${COUNT} (it is NaN)`],
    [{ url, userAgent: '' }, 'userAgent', 'expected a text of printable ASCII characters (it is "")'],
    [{ url, userAgent: 'a\r\nx: y' }, 'userAgent', expect.stringContaining('printable ASCII')],
    [{ url, retries: 3 }, 'retries', 'no such field is known (it is 3)'],
  ])('%j', (options, path, message) => {
    const error = refusal(options);
    expect(error.issues).toEqual([{ path, message }]);
    expect(error.message).toMatch(new RegExp(`^The shop client cannot be made: ${path}: .*\\.$`));
    expect(error.name).toBe('ShopClientOptionsError');
  });

  test('all at once', () => {
    const { issues } = refusal({ url: 'x', timeout: -1, pageSize: null, colour: 'red' });
    expect(issues.map(({ path }) => path).toSorted()).toEqual(['colour', 'pageSize', 'timeout', 'url']);
  });

  test.each([undefined, null, 'http://shop.example', 7])('%j is no object of options', (options) => {
    expect(refusal(options).message).toContain('expected an object of options');
  });

  test.each([
    'ftp://me:s3cr3t@shop.example',
    'me:s3cr3t@shop.example',
    'http://me:s3cr3t@shop.example/?x=1',
    '//me:s3cr3t@',
  ])('without the password of %s', (wrong) =>
    expect(refusal({ url: wrong }).message).not.toContain('s3cr3t'),
  );
});

test('what is left out, or undefined, is the default', () => {
  const optional = { timeout: undefined, pageSize: undefined, concurrency: undefined, userAgent: undefined };
  expect(Object.keys(shopClient({ url, ...optional }))).toEqual(['cart', 'products']);
});
